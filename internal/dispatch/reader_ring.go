// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// What stands before each record, which is aligned to 8 bytes. Source:
// kernel/bpf/ringbuf.c and BPF_RINGBUF_* in include/uapi/linux/bpf.h.
const (
	ringHeaderBytes = 8
	ringBusy        = 1 << 31
	ringDiscarded   = 1 << 30
)

// releaseBytes bounds what a large ring keeps back of the room that was read.
const releaseBytes = 64 << 10

// ring is a ring buffer as the kernel shares it, read in place: a record is handed
// out where the program wrote it, and its room is given back for many at once. Each
// time the kernel's side sees the consumer's position move, the cache line with it
// travels between the CPUs. Not safe for concurrent use.
type ring struct {
	consumerPage, producerPages []byte
	consumer, producer          *uintptr // in the pages, shared with the kernel
	data                        []byte   // mapped twice in a row, so that no record is split
	size, step                  uintptr  // of data, and how much is read before it is released

	pos      uintptr // of what is read next
	released uintptr // what the kernel knows of pos
	end      uintptr // of what the kernel had reserved when last asked
	last     uintptr // what the last record took, header included
	broken   bool    // what is in the ring cannot be what the kernel writes
}

// openRing maps a ring buffer. Requires at least Linux 5.8.
func openRing(m *ebpf.Map) (*ring, error) {
	page, size := os.Getpagesize(), int(m.MaxEntries())
	consumer, err := unix.Mmap(m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the reader's side of the ring: %w", err)
	}
	producer, err := unix.Mmap(m.FD(), int64(page), page+2*size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map the data of the ring: %w", err), unix.Munmap(consumer))
	}
	r := &ring{
		consumerPage: consumer, producerPages: producer, data: producer[page:],
		consumer: (*uintptr)(unsafe.Pointer(&consumer[0])), producer: (*uintptr)(unsafe.Pointer(&producer[0])),
		size: uintptr(size), step: uintptr(min(size/16, releaseBytes)),
	}
	r.pos = atomic.LoadUintptr(r.consumer)
	r.released, r.end = r.pos, r.pos
	return r, nil
}

// peek finds the next record, past those that the program has discarded, and
// returns its length. There is none while the program still writes it.
func (r *ring) peek() (length int, ok bool) {
	for {
		if r.pos == r.end {
			if r.end = atomic.LoadUintptr(r.producer); r.pos == r.end {
				return 0, false
			}
		}
		// The kernel clears the busy bit with a full barrier behind what the program wrote.
		header := atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.data[r.pos&(r.size-1)])))
		if header&ringBusy != 0 {
			return 0, false
		}
		length := uintptr(header &^ ringDiscarded)
		there := r.end - r.pos
		if taken(length) > there || there > r.size {
			r.broken = true
			r.pos = r.end
			return 0, false
		}
		if header&ringDiscarded == 0 {
			return int(length), true
		}
		r.pos += taken(length)
	}
}

// take returns the record that peek has found. It may be read until release.
func (r *ring) take(length int) []byte {
	start := r.pos&(r.size-1) + ringHeaderBytes
	r.last = taken(uintptr(length))
	r.pos += r.last
	end := start + uintptr(length)
	return r.data[start:end:end]
}

// due says that enough was read to be given back.
func (r *ring) due() bool { return r.pos-r.released >= r.step }

// release gives the room of all that was read back to the program. It says whether
// the program found the ring full before: whether there was no room for another
// record like the last one.
func (r *ring) release() (full bool) {
	if r.pos == r.released {
		return false
	}
	used := atomic.LoadUintptr(r.producer) - r.released
	full = used+r.last >= r.size || r.broken
	r.broken = false
	atomic.StoreUintptr(r.consumer, r.pos)
	r.released = r.pos
	return full
}

// waiting is how many bytes the program has reserved that were not released.
func (r *ring) waiting() uintptr { return atomic.LoadUintptr(r.producer) - r.released }

func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.producerPages), unix.Munmap(r.consumerPage))
}

// taken is the room of a record of that length.
func taken(length uintptr) uintptr { return (length + ringHeaderBytes + 7) &^ 7 }
