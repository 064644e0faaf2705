// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// The places of BPF programs that the bpf(2) system call lists.
const (
	netkitPeer = iota
	tcxIngress
	tcxEgress
	netkitPrimary
	numPlaces
)

type bpfPlace struct {
	attach  ebpf.AttachType
	backend string
	point   Point
}

func bpfPlaces() [numPlaces]bpfPlace {
	return [numPlaces]bpfPlace{
		netkitPeer:    {ebpf.AttachNetkitPeer, ByNetkit, Ingress},
		tcxIngress:    {ebpf.AttachTCXIngress, ByTCX, Ingress},
		tcxEgress:     {ebpf.AttachTCXEgress, ByTCX, Egress},
		netkitPrimary: {ebpf.AttachNetkitPrimary, ByNetkit, Egress},
	}
}

// listAllBPF must run inside the namespace.
func listAllBPF(index int) ([numPlaces][]Entry, error) {
	var entries [numPlaces][]Entry
	for place, p := range bpfPlaces() {
		var err error
		if entries[place], err = listBPF(index, p); err != nil {
			return entries, err
		}
	}
	return entries, nil
}

func listBPF(index int, p bpfPlace) ([]Entry, error) {
	result, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: p.attach})
	// EINVAL: the kernel does not know the attach type. ENXIO and EACCES: the
	// link is no netkit, or its peer end. ENOENT: nothing there, on Linux 6.6.
	err = ignoreErrno(err, unix.EINVAL, unix.ENXIO, unix.EACCES, unix.EOPNOTSUPP, unix.ENOENT)
	if err != nil || result == nil {
		return nil, err
	}
	var entries []Entry
	for _, prog := range result.Programs {
		e := Entry{Point: p.point, Backend: p.backend, ProgramID: prog.ID}
		if id, ok := prog.LinkID(); ok {
			e.LinkID = id
		}
		entries = append(entries, e)
	}
	return entries, nil
}
