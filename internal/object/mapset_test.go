// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/testutil"
)

// lastEntry is what was put into a map last.
func lastEntry(tb testing.TB, o *object.Object, name string) ebpf.MapKV {
	tb.Helper()
	contents := o.Spec.Maps[name].Contents
	qt.Assert(tb, qt.IsTrue(len(contents) > 0))
	return contents[len(contents)-1]
}

func TestMapSetWritesKeysAndValues(t *testing.T) {
	t.Parallel()
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	for text, key := range map[string][]byte{
		"hash:0x01000000=1":        {0, 0, 0, 1},
		"hash:7=1":                 {7, 0, 0, 0},
		"lru_hash:7=1":             {7, 0, 0, 0},
		"array:15=1":               {15, 0, 0, 0},
		"lpm:10.1.2.3/8=1":         {8, 0, 0, 0, 10, 0, 0, 0},
		"lpm:10.1.2.3=1":           {32, 0, 0, 0, 10, 1, 2, 3},
		"lpm:0.0.0.0/0=1":          {0, 0, 0, 0, 0, 0, 0, 0},
		"lpm:0x100000000a000000=1": {16, 0, 0, 0, 10, 0, 0, 0},
	} {
		o := mustOpen(t, "mapkinds")
		qt.Assert(t, qt.IsNil(o.MapSet(text)), qt.Commentf("%s", text))
		name, _, _ := strings.Cut(text, ":")
		entry := lastEntry(t, o, name)
		qt.Check(t, qt.DeepEquals(entry.Key, any(key)), qt.Commentf("%s", text))
		qt.Check(t, qt.DeepEquals(entry.Value, any(one)), qt.Commentf("%s", text))
	}
}

func TestMapSetFillsEveryCPU(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"percpu_hash", "percpu_array", "lru_percpu_hash"} {
		o := mustOpen(t, "mapkinds")
		qt.Assert(t, qt.IsNil(o.MapSet(name+":3=9")))
		values, isList := lastEntry(t, o, name).Value.([][]byte)
		qt.Assert(t, qt.IsTrue(isList))
		qt.Check(t, qt.HasLen(values, ebpf.MustPossibleCPU()))
		for _, value := range values {
			qt.Check(t, qt.DeepEquals(value, []byte{9, 0, 0, 0, 0, 0, 0, 0}))
		}
	}
}

func TestMapSetTypesWithoutBTF(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "legacymaps")
	qt.Assert(t, qt.IsNil(o.MapSet("acc_map:1=258")))
	qt.Check(t, qt.DeepEquals(lastEntry(t, o, "acc_map"), ebpf.MapKV{Key: []byte{1, 0, 0, 0}, Value: []byte{2, 1, 0, 0, 0, 0, 0, 0}}))
	checkUsage(t, o.MapSet("acc_map:2=1"), "--map-set acc_map:2=1: key: 2 is not below 2, the number of entries",
		"acc_map has keys of type 4 bytes and values of type 8 bytes")
}

func TestMapSetTakesIPv6PrefixesForLongKeys(t *testing.T) {
	t.Parallel()
	o := withPrograms(nil)
	o.Spec.Maps["deny"] = &ebpf.MapSpec{
		Name: "deny", Type: ebpf.LPMTrie, KeySize: 20, ValueSize: 1, Value: &btf.Int{Name: "bool", Size: 1, Encoding: btf.Bool},
	}
	qt.Assert(t, qt.IsNil(o.MapSet("deny:2001:db8::/32=true")))
	want := append([]byte{32, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8}, make([]byte, 12)...)
	qt.Check(t, qt.DeepEquals(lastEntry(t, o, "deny"), ebpf.MapKV{Key: want, Value: []byte{1}}))
	checkUsage(t, o.MapSet("deny:10.0.0.0/8=true"), "--map-set .*: key: a prefix of 16 bytes is wanted", "deny has keys of type 20 bytes and values of type bool")
}

func TestMapSetRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	const maps = "maps: array, hash, inner_zero, lpm, lru_hash, lru_percpu_hash, percpu_array, percpu_hash"
	for text, want := range map[string][2]string{
		"hash":                {"--map-set hash is not of the form MAP:KEY=VALUE", "--map-set MAP:KEY=VALUE; " + maps},
		"hash:1":              {"--map-set hash:1 is not of the form MAP:KEY=VALUE", "--map-set MAP:KEY=VALUE; " + maps},
		"none:1=1":            {`no map "none" in .*mapkinds.o`, maps},
		"queue:1=1":           {`map queue \(Queue\) has no entries to set`, maps},
		"bloom:1=1":           {`map bloom \(BloomFilter\) has no entries to set`, maps},
		"array_of_maps:0=1":   {`map array_of_maps \(ArrayOfMaps\) has no entries to set`, maps},
		"sk_storage:0=1":      {`map sk_storage \(SkStorage\) has no entries to set`, maps},
		"hash:x=1":            {`--map-set hash:x=1: key: "x" is not a number`, "hash has keys of type __u32 and values of type __u64"},
		"hash:1=x":            {`--map-set hash:1=x: value: "x" is not a number`, "hash has keys of type __u32 and values of type __u64"},
		"hash:4294967296=1":   {`--map-set .*: key: 4294967296 is out of range`, "hash has .*"},
		"array:16=1":          {`--map-set .*: key: 16 is not below 16, the number of entries`, "array has .*"},
		"percpu_array:16=1":   {`--map-set .*: key: 16 is not below 16, .*`, "percpu_array has .*"},
		"lpm:2001:db8::/32=1": {`--map-set .*: key: a prefix of 4 bytes is wanted`, "lpm has keys of type prefix and values of type __u64"},
		"lpm:10.0.0.0/33=1":   {`--map-set .*: key: "10.0.0.0/33" is not bytes in hexadecimal .*`, "lpm has .*"},
	} {
		checkUsage(t, mustOpen(t, "mapkinds").MapSet(text), want[0], want[1])
	}
	checkUsage(t, mustOpen(t, "tailcalls").MapSet("steps:2=5"), "map steps holds programs", `--tail steps\[N\]=PROGRAM`)
	checkUsage(t, mustOpen(t, "params").MapSet(".rodata:0=1"), `no map ".rodata" in .*`, "maps: results")
}

// The kernel takes what was written: one entry in a map of each kind.
func TestMapSetEntriesArriveInTheKernel(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "mapkinds")
	names := []string{"hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash"}
	for _, name := range names {
		qt.Assert(t, qt.IsNil(o.MapSet(name+":3=9")))
	}
	for _, name := range names {
		checkKernelHolds(t, o.Spec.Maps[name])
	}
}

// checkKernelHolds makes the map and looks for the entry 3 = 9.
func checkKernelHolds(tb testing.TB, spec *ebpf.MapSpec) {
	tb.Helper()
	coll, err := ebpf.NewCollection(&ebpf.CollectionSpec{Maps: map[string]*ebpf.MapSpec{spec.Name: spec}})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	defer coll.Close()
	m := coll.Maps[spec.Name]
	key := uint32(3)
	if isList(spec.Contents[0].Value) {
		var values []uint64
		qt.Assert(tb, qt.IsNil(m.Lookup(key, &values)))
		for _, value := range values {
			qt.Check(tb, qt.Equals(value, 9))
		}
		return
	}
	var value uint64
	qt.Assert(tb, qt.IsNil(m.Lookup(key, &value)))
	qt.Check(tb, qt.Equals(value, 9))
}

func isList(value any) bool {
	_, ok := value.([][]byte)
	return ok
}
