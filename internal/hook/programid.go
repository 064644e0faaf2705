// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
)

// programIDs remembers the ids of the programs of one burst, while the programs
// are certainly open.
type programIDs map[*ebpf.Program]ebpf.ProgramID

func (p programIDs) of(prog *ebpf.Program) (ebpf.ProgramID, error) {
	if id, ok := p[prog]; ok {
		return id, nil
	}
	id, err := programID(prog)
	if err != nil {
		return 0, fmt.Errorf("ask for the program's id: %w", err)
	}
	p[prog] = id
	return id, nil
}

// programID reads the id where it costs least. Info copies all instructions out
// of the kernel, which takes 0.1 ms and more.
func programID(prog *ebpf.Program) (ebpf.ProgramID, error) {
	if id, ok := idOfFile(prog.FD()); ok {
		return id, nil
	}
	info, err := prog.Info()
	if err != nil {
		return 0, err
	}
	id, ok := info.ID()
	if !ok {
		return 0, ErrNotSupported
	}
	return id, nil
}

// idOfFile returns false if /proc is not there or hidden from us.
func idOfFile(fd int) (ebpf.ProgramID, bool) {
	text, err := readSmall("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "prog_id:"); ok {
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			return ebpf.ProgramID(id), err == nil
		}
	}
	return 0, false
}
