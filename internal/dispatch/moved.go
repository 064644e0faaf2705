// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// relocated returns prog with all its accesses to memory where the loader is going
// to move them: those by a struct of the program's own are made where the kernel
// has the field (CO-RE). types are the kernel's, own those of the object that serve
// besides.
//
// What leads nowhere stays, since the kernel takes it only where it is never run,
// and so does everything on kernels without types, where such programs do not load.
func relocated(prog *ebpf.ProgramSpec, types *btf.Cache, own []*btf.Spec) (*ebpf.ProgramSpec, error) {
	var relocations []*btf.CORERelocation
	var places []int
	for i, ins := range prog.Instructions {
		if relocation := btf.CORERelocationMetadata(&ins); relocation != nil && accesses(ins) {
			relocations, places = append(relocations, relocation), append(places, i)
		}
	}
	if len(relocations) == 0 {
		return prog, nil
	}
	kernel, err := types.Kernel()
	if err != nil {
		return prog, nil //nolint:nilerr // see above
	}
	fixups, err := btf.CORERelocate(relocations, append([]*btf.Spec{kernel}, own...), byteOrder(prog), noTypeID)
	if err != nil {
		return nil, fmt.Errorf("relocate program %s: %w", prog.Name, err)
	}
	prog = prog.Copy()
	for n, fixup := range fixups {
		ins := prog.Instructions[places[n]]
		if err := fixup.Apply(&ins); err != nil {
			return nil, fmt.Errorf("relocate instruction %d of program %s: %w", places[n], prog.Name, err)
		}
		if accesses(ins) { // or it leads nowhere
			prog.Instructions[places[n]] = ins
		}
	}
	return prog, nil
}

// noTypeID is asked only where a broken object gives an access the number of a type.
func noTypeID(btf.Type) (btf.TypeID, error) { return 0, errors.New("an access has no type's number") }

// accesses says whether ins loads from memory or stores to it.
func accesses(ins asm.Instruction) bool {
	class := ins.OpCode.Class()
	return class == asm.LdXClass || class == asm.StClass || class == asm.StXClass
}

func byteOrder(prog *ebpf.ProgramSpec) binary.ByteOrder {
	if prog.ByteOrder != nil {
		return prog.ByteOrder
	}
	return binary.LittleEndian
}
