// SPDX-License-Identifier: Apache-2.0

package dispatch

// Restoring says whether the dispatcher puts the skb's fields back.
func (l *Load) Restoring() bool {
	var restoring uint32
	return l.objs.Restoring.Get(&restoring) != nil || restoring != 0
}
