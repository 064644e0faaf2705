// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/fault"
)

func TestSchemasOfEventMaps(t *testing.T) {
	t.Parallel()
	schemas, raw, err := schemasOf(mustOpen(t, "perf"), []string{"perf_events:packet_event"})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(raw, 0))
	qt.Check(t, qt.IsNotNil(schemas["perf_events"]))
	qt.Check(t, qt.IsTrue(perLink(schemas)), qt.Commentf("its records have no netns"))

	schemas, raw, err = schemasOf(mustOpen(t, "nobtf"), nil)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(raw, []string{"events"}))
	qt.Check(t, qt.IsTrue(perLink(schemas)))

	schemas, _, err = schemasOf(mustOpen(t, "gadget"), nil)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(perLink(schemas)))
}

func TestEventFlagsThatMeanNothing(t *testing.T) {
	t.Parallel()
	const hint = "--event MAP:STRUCT; event maps: events"
	for value, want := range map[string]string{
		"events":                     "--event events: not of the form MAP:STRUCT",
		"events:":                    "--event events:: not of the form MAP:STRUCT",
		"events_lost_samples:packet": "--event events_lost_samples:packet: no event map events_lost_samples",
		"none:packet":                "--event none:packet: no event map none",
		":packet":                    "--event :packet: no event map ",
	} {
		_, _, err := schemasOf(mustOpen(t, "gadget"), []string{value})
		checkFault(t, err, fault.CodeUsage, want, hint)
	}
	_, _, err := schemasOf(mustOpen(t, "gadget"), []string{"events:none"})
	checkFault(t, err, fault.CodeUsage, "find record type of map events: no struct none in BTF: .*", "--event MAP:STRUCT")
	_, _, err = schemasOf(mustOpen(t, "pair"), []string{"flows:flow_stats"})
	checkFault(t, err, fault.CodeUsage, ".*: no event map flows", "--event MAP:STRUCT; event maps: none")
}
