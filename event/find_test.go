// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

func TestMapsAreRingsAndPerfArrays(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.DeepEquals(event.Maps(mustSpec(t, "gadget.o")), []string{"by_value", "flows", "my___ring", "tagged", "unmarked"}))
	qt.Check(t, qt.DeepEquals(event.Maps(mustSpec(t, "kinds.o")), []string{"events"}))
}

func TestRecordTypeIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, object, ring, explicit, first string }{
		{"by name", "gadget.o", "flows", "own", "id"},
		{"by a gadget_tracer variable", "gadget.o", "flows", "", "timestamp"},
		{"by an ig:tracer tag", "gadget.o", "tagged", "", "id"},
		{"by our own variable", "gadget.o", "my___ring", "", "id"},
		{"by the map's value", "gadget.o", "by_value", "", "value"},
		{"by the only struct called event", "gadget.o", "unmarked", "", "other"},
		{"by the name of a typedef", "counters.o", "events", "second_event_t", "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := event.Find(mustSpec(t, c.object), c.ring, c.explicit)
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.Equals(s.Columns()[0].Name, c.first))
		})
	}
}

func TestSeveralPossibleTypesAreListed(t *testing.T) {
	t.Parallel()
	_, err := event.Find(mustSpec(t, "counters.o"), "events", "")
	qt.Check(t, qt.ErrorIs(err, event.ErrNoType))
	qt.Check(t, qt.ErrorMatches(err, ".*map events: it could be any of first_event, second_event_t: .*"))
}

func TestUnknownNamesAreErrors(t *testing.T) {
	t.Parallel()
	_, err := event.Find(mustSpec(t, "gadget.o"), "flows", "nothing")
	qt.Check(t, qt.ErrorIs(err, event.ErrNoType))
	_, err = event.Find(mustSpec(t, "kinds.o"), "nothing", "")
	qt.Check(t, qt.ErrorMatches(err, `find record type: no map "nothing", there are events`))
}

func TestObjectWithoutBTFHasNoType(t *testing.T) {
	t.Parallel()
	spec := &ebpf.CollectionSpec{Maps: map[string]*ebpf.MapSpec{"r": {Name: "r", Type: ebpf.RingBuf}}}
	_, err := event.Find(spec, "r", "")
	qt.Assert(t, qt.ErrorIs(err, event.ErrNoType))
}
