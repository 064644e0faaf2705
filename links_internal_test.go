// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestLinksOfANamespaceAreFoundWithoutAllocation(t *testing.T) {
	const netns = 4026532281
	var r Runtime
	qt.Check(t, qt.IsNil(r.Links(netns)))
	r.links.set(netns, []TargetLink{{Hook: 12}})
	qt.Check(t, qt.Equals(testing.AllocsPerRun(100, func() { r.Links(netns) }), 0))
	qt.Check(t, qt.DeepEquals(r.Links(netns), []TargetLink{{Hook: 12}}))
	r.links.set(netns, nil)
	qt.Check(t, qt.IsNil(r.Links(netns)))
	qt.Check(t, qt.HasLen(r.links.byNetns, 0))
}
