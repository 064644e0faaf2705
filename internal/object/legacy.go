// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/cilium/ebpf"
)

// tailSection is iproute2's name for the section of a program that belongs into
// the prog array with an id, at an index. Both are numbers as C writes them.
// Source: iproute2, lib/bpf_legacy.c.
var tailSection = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|[0-9]+)/(0[xX][0-9a-fA-F]+|[0-9]+)$`)

// readLegacy understands map definitions of iproute2: id and pinning behind the
// fields that every loader knows, and tail-called programs in sections "id/index".
func (o *Object) readLegacy() error {
	arrays := map[uint64]*ebpf.MapSpec{}
	for _, name := range sortedKeys(o.Spec.Maps) {
		m := o.Spec.Maps[name]
		if m.Extra == nil {
			continue
		}
		extra, err := io.ReadAll(m.Extra)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		m.Extra = bytes.NewReader(nil)
		if len(extra) >= 4 && m.Type == ebpf.ProgramArray {
			arrays[uint64(o.Spec.ByteOrder.Uint32(extra))] = m
		}
		if len(extra) >= 8 && o.Spec.ByteOrder.Uint32(extra[4:]) != 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("map %s: its pinning is ignored, the map is private", name))
		}
	}
	for _, name := range sortedKeys(o.Spec.Programs) {
		section := o.Spec.Programs[name].SectionName
		at := tailSection.FindStringSubmatch(section)
		if at == nil {
			continue
		}
		id, err := strconv.ParseUint(at[1], 0, 32)
		m := arrays[id]
		if err != nil || m == nil {
			continue // a name like another, of a loader that has no such arrays
		}
		index, err := strconv.ParseUint(at[2], 0, 32)
		if err != nil || index >= uint64(m.MaxEntries) {
			return fmt.Errorf("program %s: section %s: map %s has no index %s", name, section, m.Name, at[2])
		}
		m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(index), Value: name})
	}
	return nil
}
