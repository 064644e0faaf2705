// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// maxBatch is how many requests go into one system call. Their answers wait
	// in the receive buffer, each with a page of bookkeeping at most.
	maxBatch = 64
	// answerBytes is more than one link's description takes without its
	// statistics and virtual functions.
	answerBytes = 16 << 10
)

// errNoAnswer is returned where the kernel did not answer to everything.
var errNoAnswer = errors.New("no answer")

// socket asks one namespace many short questions at once. The kernel has
// answered when it has taken them, so that nothing is waited for. It is safe for
// concurrent use.
type socket struct {
	mu     sync.Mutex // guards the fields below
	fd     int
	buffer []byte
	// asked counts the requests. It numbers them, too: what waits in the socket after
	// an error belongs to none that comes later.
	asked int
}

func openSocket(ns *netns.NS) (*socket, error) {
	s := &socket{buffer: make([]byte, answerBytes)}
	errs := netns.Visit([]*netns.NS{ns}, func(int) (err error) {
		s.fd, err = rtnetlink()
		return err
	})
	if errs[0] != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, errs[0])
	}
	// The host's default may be too small for a batch. Where more is not to be had
	// that one has to do: an answer that does not fit is missed.
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, maxBatch*answerBytes) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, maxBatch*answerBytes) //nolint:errcheck // see above
	}
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, errors.Join(err, unix.Close(s.fd)))
	}
	return s, nil
}

// rtnetlink opens a socket in the namespace of the calling thread.
func rtnetlink() (int, error) {
	return unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
}

func (s *socket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return unix.Close(fd)
}

// answer is what the kernel said to one request.
type answer struct {
	kind netlink.HeaderType
	data []byte
	err  error
}

// ask sends n requests, each of which has one answer, and hands on the answers;
// their data is good until take returns. After an error some have had none.
func (s *socket) ask(n int, request func(i int) (netlink.Message, error), take func(i int, a answer)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for start := 0; start < n; start += maxBatch {
		end := min(start+maxBatch, n)
		first := uint32(s.asked)
		var out []byte
		for i := start; i < end; i++ {
			m, err := request(i)
			if err != nil {
				return err
			}
			out = appendMessage(out, m, first+uint32(i-start))
		}
		err := s.exchangeLocked(out, end-start, func(m rawMessage) {
			take(start+int(m.sequence-first), answer{kind: m.kind, data: m.data, err: m.err})
		})
		if err != nil {
			s.emptyLocked()
			return err
		}
	}
	return nil
}

// emptyLocked throws away what waits, so that there is room for answers to come.
func (s *socket) emptyLocked() {
	for {
		if _, err := receive(s.fd, s.buffer); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}

// exchangeLocked sends a batch and takes its answers.
func (s *socket) exchangeLocked(out []byte, answers int, take func(rawMessage)) error {
	first := uint32(s.asked)
	s.asked += answers
	if err := unix.Sendto(s.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to rtnetlink: %w", err)
	}
	for left := answers; left > 0; {
		n, err := receive(s.fd, s.buffer)
		if errors.Is(err, unix.EAGAIN) {
			err = errNoAnswer
		}
		if err != nil {
			return err
		}
		err = eachMessage(s.buffer[:n], func(m rawMessage) error {
			if m.sequence-first < uint32(answers) { // or it is left over from before an error
				take(m)
				left--
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// receive takes one datagram. One that does not fit is cut off.
func receive(fd int, buffer []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("receive from rtnetlink: %w", err)
		}
		return n, nil
	}
}

// rawMessage is one message of a datagram.
type rawMessage struct {
	kind     netlink.HeaderType
	flags    netlink.HeaderFlags
	sequence uint32
	data     []byte
	err      error // of a message that is an error
}

// appendMessage writes a message as the kernel takes it.
func appendMessage(out []byte, m netlink.Message, sequence uint32) []byte {
	out = binary.NativeEndian.AppendUint32(out, uint32(unix.SizeofNlMsghdr+len(m.Data)))
	out = binary.NativeEndian.AppendUint16(out, uint16(m.Header.Type))
	out = binary.NativeEndian.AppendUint16(out, uint16(m.Header.Flags))
	out = binary.NativeEndian.AppendUint32(out, sequence)
	out = binary.NativeEndian.AppendUint32(out, 0) // the kernel knows the sender
	out = append(out, m.Data...)
	for len(out)%unix.NLMSG_ALIGNTO != 0 {
		out = append(out, 0)
	}
	return out
}

// eachMessage reads the messages of a datagram.
func eachMessage(data []byte, take func(rawMessage) error) error {
	for len(data) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(data))
		if size < unix.SizeofNlMsghdr || size > len(data) {
			return fmt.Errorf("parse answer: %w", errShort)
		}
		m := rawMessage{
			kind:     netlink.HeaderType(binary.NativeEndian.Uint16(data[4:])),
			flags:    netlink.HeaderFlags(binary.NativeEndian.Uint16(data[6:])),
			sequence: binary.NativeEndian.Uint32(data[8:]),
			data:     data[unix.SizeofNlMsghdr:size],
		}
		if (m.kind == netlink.Error || m.kind == netlink.Done) && len(m.data) >= 4 {
			if errno := int32(binary.NativeEndian.Uint32(m.data)); errno != 0 {
				m.err = unix.Errno(-errno)
			}
		}
		if err := take(m); err != nil {
			return err
		}
		data = data[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(data)):]
	}
	return nil
}
