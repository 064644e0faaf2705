// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/fault"
)

// Tail puts a program into a prog array: "MAP[N]=PROGRAM".
func (o *Object) Tail(text string) error {
	bad := func(why string, args ...any) error {
		return fault.Usage("--tail MAP[N]=PROGRAM; prog arrays: "+or(o.progArrays(), "none")+"; programs: "+or(sortedKeys(o.Spec.Programs), "none"), "--tail %s: "+why, append([]any{text}, args...)...)
	}
	slot, prog, ok := strings.Cut(text, "=")
	name, rest, ok2 := strings.Cut(slot, "[")
	number, end, ok3 := strings.Cut(rest, "]")
	if !ok || !ok2 || !ok3 || end != "" {
		return bad("not of the form MAP[N]=PROGRAM")
	}
	m := o.Spec.Maps[name]
	switch {
	case m == nil || m.Type != ebpf.ProgramArray:
		return bad("no prog array %s", name)
	case o.Spec.Programs[prog] == nil:
		return bad("no program %s", prog)
	}
	index, err := strconv.ParseUint(number, 0, 32)
	if err != nil || uint32(index) >= m.MaxEntries {
		return bad("index %s is not below %d", number, m.MaxEntries)
	}
	m.Contents = slices.DeleteFunc(m.Contents, func(kv ebpf.MapKV) bool { return kv.Key == uint32(index) })
	m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(index), Value: prog})
	return nil
}
