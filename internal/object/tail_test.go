// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/object"
)

// slots are the contents of a prog array.
func slots(o *object.Object, name string) map[uint32]string {
	found := map[uint32]string{}
	for _, kv := range o.Spec.Maps[name].Contents {
		index, isIndex := kv.Key.(uint32)
		program, isName := kv.Value.(string)
		if isIndex && isName {
			found[index] = program
		}
	}
	return found
}

func TestTailFillsAndReplaces(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "tailcalls")
	qt.Assert(t, qt.IsNil(o.Tail("steps[0x2]=handle_other")))
	qt.Assert(t, qt.IsNil(o.Tail("steps[0]=handle_ipv6")))
	qt.Check(t, qt.DeepEquals(slots(o, "steps"), map[uint32]string{0: "handle_ipv6", 1: "handle_ipv6", 2: "handle_other"}))
	qt.Check(t, qt.HasLen(o.Spec.Maps["steps"].Contents, 3), qt.Commentf("one entry a slot"))
}

func TestTailRefusesWhatItCannotFill(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"steps":                     `--tail steps: not of the form MAP\[N\]=PROGRAM`,
		"steps=entry":               `--tail .*: not of the form .*`,
		"steps[0=entry":             `--tail .*: not of the form .*`,
		"steps[0]x=entry":           `--tail .*: not of the form .*`,
		"counts[0]=entry":           `--tail .*: no prog array counts`,
		"other[0]=entry":            `--tail .*: no prog array other`,
		"steps[0]=none":             `--tail .*: no program none`,
		"steps[0]=":                 `--tail .*: no program `,
		"steps[3]=entry":            `--tail .*: index 3 is not below 3`,
		"steps[-1]=entry":           `--tail .*: index -1 is not below 3`,
		"steps[]=entry":             `--tail .*: index  is not below 3`,
		"steps[4294967296]=entry":   `--tail .*: index 4294967296 is not below 3`,
		"steps[%d]=entry":           `--tail steps\[%d\]=entry: index %d is not below 3`,
		"steps[TAIL_IPV4]=entry":    `--tail .*: index TAIL_IPV4 is not below 3`,
		"steps[18446744073709]=one": `--tail .*: no program one`,
	} {
		checkUsage(t, mustOpen(t, "tailcalls").Tail(text), want,
			`--tail MAP\[N\]=PROGRAM; prog arrays: steps; programs: entry, handle_ipv4, handle_ipv6, handle_other`)
	}
	checkUsage(t, mustOpen(t, "pair").Tail("flows[0]=handle_egress"), ".*: no prog array flows", ".*prog arrays: none; .*")
}

func TestLegacyMapsKeepTheirShapeAndLoseTheirPinning(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "legacymaps")
	m := o.Spec.Maps["acc_map"]
	qt.Check(t, qt.Equals(m.Type, ebpf.Array))
	qt.Check(t, qt.Equals(m.MaxEntries, 2))
	qt.Check(t, qt.Equals(m.Pinning, ebpf.PinNone))
	qt.Check(t, qt.DeepEquals(o.Notes, []string{"map acc_map: its pinning is ignored, the map is private"}))
}

func TestLegacyTailSectionsFillTheirArrays(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "legacytails")
	qt.Check(t, qt.HasLen(o.Notes, 0))
	qt.Check(t, qt.DeepEquals(slots(o, "steps"), map[uint32]string{2: "second"}), qt.Commentf("section 0xabccba/2"))
	qt.Check(t, qt.DeepEquals(slots(o, "more_steps"), map[uint32]string{0: "third"}), qt.Commentf("section 7/0"))
	qt.Check(t, qt.HasLen(o.Spec.Maps["counts"].Contents, 0))
	for _, as := range []bool{false, true} {
		c, err := o.Choose(object.Want{AsSchedCLS: as})
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(c, object.Chosen{Ingress: "first", Egress: "first"}))
	}
}
