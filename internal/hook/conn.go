// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// maxBatch is how many messages go into one send. The answers to them must fit
// into the socket's default receive buffer together: an error repeats its
// request, which makes some 2 KB each.
const maxBatch = 64

// conn is an rtnetlink socket in a network namespace, for one goroutine.
type conn struct{ nl *netlink.Conn }

// withConn runs fn with a socket in ns that is closed afterwards: what is cheap
// to open need not be kept.
func withConn(ns *netns.NS, fn func(c *conn) error) error {
	c, err := dial(ns)
	if err != nil {
		return err
	}
	return errors.Join(fn(c), c.nl.Close())
}

func dial(ns *netns.NS) (*conn, error) {
	fd := ns.Fd()
	if fd < 0 {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, unix.EBADF)
	}
	nl, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: fd})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, err)
	}
	// The kernel's reasons in words. Below Linux 4.12 there are none.
	if err := nl.SetOption(netlink.ExtendedAcknowledge, true); err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
		return nil, errors.Join(fmt.Errorf("set up rtnetlink in %s: %w", ns, err), nl.Close())
	}
	return &conn{nl: nl}, nil
}

// reply is the answer to one message.
type reply struct {
	messages []netlink.Message
	err      error
}

// batch makes requests that are no dumps, many with one system call, and
// returns one reply for each. The kernel handles them in order and goes on
// after one that fails. All of them get the flags Request and Acknowledge.
func (c *conn) batch(msgs []netlink.Message) []reply {
	replies := make([]reply, len(msgs))
	for start := 0; start < len(msgs); start += maxBatch {
		end := min(start+maxBatch, len(msgs))
		c.exchange(msgs[start:end], replies[start:end])
	}
	return replies
}

func (c *conn) exchange(msgs []netlink.Message, replies []reply) {
	for i := range msgs {
		msgs[i].Header.Flags |= netlink.Request | netlink.Acknowledge
	}
	sent, err := c.nl.SendMessages(msgs)
	if err != nil {
		for i := range replies {
			replies[i].err = err
		}
		return
	}
	e := exchange{first: sent[0].Header.Sequence, replies: replies, done: make([]bool, len(msgs))}
	for e.pending = len(msgs); e.pending > 0; {
		got, err := c.nl.Receive()
		switch {
		case answered(err):
			e.refused(err)
		case err != nil:
			e.lost(err)
		default:
			e.received(got)
		}
	}
}

// exchange sorts answers to the messages they belong to, by sequence number.
type exchange struct {
	first   uint32
	replies []reply
	done    []bool
	pending int
}

// index returns false for what is no answer to a message that still waits.
func (e *exchange) index(sequence uint32) (int, bool) {
	i := sequence - e.first
	return int(i), i < uint32(len(e.done)) && !e.done[i]
}

func (e *exchange) finish(i int, err error) {
	e.done[i], e.replies[i].err = true, err
	e.pending--
}

// refused is for the kernel's error for one message. Each comes alone.
func (e *exchange) refused(err error) {
	if op, ok := errors.AsType[*netlink.OpError](err); ok {
		if i, ok := e.index(op.Sequence); ok {
			e.finish(i, err)
		}
	}
}

// lost gives up on everything that still waits.
func (e *exchange) lost(err error) {
	for i, done := range e.done {
		if !done {
			e.finish(i, err)
		}
	}
}

func (e *exchange) received(msgs []netlink.Message) {
	for _, m := range msgs {
		i, ok := e.index(m.Header.Sequence)
		switch {
		case !ok:
		case m.Header.Type == netlink.Error: // with code 0: done
			e.finish(i, nil)
		default:
			e.replies[i].messages = append(e.replies[i].messages, m)
		}
	}
}

// answered reports whether err is the kernel's word on a message, as opposed to
// a failure after which nobody knows what the kernel did.
func answered(err error) bool {
	op, ok := errors.AsType[*netlink.OpError](err)
	return ok && op.Sequence != 0
}

// dump returns all answers to a dump request.
func (c *conn) dump(m netlink.Message) ([]netlink.Message, error) {
	m.Header.Flags |= netlink.Request | netlink.Dump
	return c.nl.Execute(m)
}
