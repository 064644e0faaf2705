// SPDX-License-Identifier: Apache-2.0

package hook

import "github.com/boathook/boathook/internal/netns"

// visit runs fn inside ns, on a thread that must be left as it is.
func visit(ns *netns.NS, fn func() error) error {
	return netns.Visit([]*netns.NS{ns}, func(int) error { return fn() })[0]
}
