// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// maxBatch is how many messages go into one send.
const maxBatch = 64

// batchBytes is room for the messages of a batch, and for their answers: an error
// repeats its request, which makes some 2 KB each. The kernel doubles it. A host may
// give sockets less by itself (net.core.rmem_default).
const batchBytes = maxBatch * 4 << 10

// maxReceived is the most that the kernel puts into one answer, to a dump. With
// a buffer of that size nobody has to ask first how long the next answer is.
const maxReceived = 32 << 10

// conn is an rtnetlink socket in a network namespace, for one goroutine.
type conn struct {
	nl    *netlink.Conn
	spent spent
}

// spent counts what was asked of the kernel: requests, of which dumps, and
// sends, many of which carry several requests.
type spent struct{ requests, dumps, sends int }

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
	var nl *netlink.Conn
	err := visit(ns, func() error {
		var err error
		nl, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{MessageBufferSize: maxReceived})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, err)
	}
	// The kernel's reasons in words. Below Linux 4.12 there are none.
	err = ignoreErrno(nl.SetOption(netlink.ExtendedAcknowledge, true), unix.ENOPROTOOPT)
	if err = errors.Join(err, nl.SetReadBuffer(batchBytes), nl.SetWriteBuffer(batchBytes)); err != nil {
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
// after one that fails. All of them get the flag Request.
func (c *conn) batch(msgs []netlink.Message) []reply {
	replies := make([]reply, len(msgs))
	for start := 0; start < len(msgs); start += maxBatch {
		end := min(start+maxBatch, len(msgs))
		c.exchange(msgs[start:end], replies[start:end])
	}
	return replies
}

// exchange has only the last request acknowledged: the kernel tells every
// failure anyway, and in the order of the requests. If it cannot, because the
// socket is full, then the socket says so before it says anything else.
func (c *conn) exchange(msgs []netlink.Message, replies []reply) {
	for i := range msgs {
		msgs[i].Header.Flags |= netlink.Request
	}
	msgs[len(msgs)-1].Header.Flags |= netlink.Acknowledge
	c.spent.requests += len(msgs)
	c.spent.sends++
	sent, err := c.nl.SendMessages(msgs)
	if err != nil {
		for i := range replies {
			replies[i].err = err
		}
		return
	}
	e := exchange{first: sent[0].Header.Sequence, replies: replies}
	for !e.done {
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

// exchange sorts answers to the requests they belong to, by sequence number. It
// is done when the last request has its acknowledgement or its error.
type exchange struct {
	first   uint32
	replies []reply
	done    bool
}

// reply returns nil for what is no answer to one of the requests.
func (e *exchange) reply(sequence uint32) *reply {
	i := sequence - e.first
	if i >= uint32(len(e.replies)) {
		return nil
	}
	return &e.replies[i]
}

func (e *exchange) isLast(sequence uint32) bool {
	return sequence-e.first == uint32(len(e.replies)-1)
}

// refused is for the kernel's error for one request. Each comes alone.
func (e *exchange) refused(err error) {
	if op, ok := errors.AsType[*netlink.OpError](err); ok {
		if r := e.reply(op.Sequence); r != nil {
			r.err = err
			e.done = e.isLast(op.Sequence)
		}
	}
}

// lost gives up on everything that has no answer.
func (e *exchange) lost(err error) {
	for i, r := range e.replies {
		if r.err == nil && len(r.messages) == 0 {
			e.replies[i].err = err
		}
	}
	e.done = true
}

func (e *exchange) received(msgs []netlink.Message) {
	for _, m := range msgs {
		r := e.reply(m.Header.Sequence)
		switch {
		case r == nil:
		case m.Header.Type == netlink.Error: // with code 0: acknowledged
			e.done = e.isLast(m.Header.Sequence)
		default:
			r.messages = append(r.messages, m)
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
	c.spent.requests++
	c.spent.dumps++
	c.spent.sends++
	return c.nl.Execute(m)
}
