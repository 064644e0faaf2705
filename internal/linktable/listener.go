// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// receiveBufferBytes holds the messages of about a thousand links that appear
// at once, at some 4 KiB each with the kernel's bookkeeping.
const receiveBufferBytes = 4 << 20

// groups are the subscriptions: links, and ids of namespaces.
const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_NSID-1)

var (
	// errNoMessage is returned when no message waits.
	errNoMessage = errors.New("no message")
	// errLost is returned when messages could not be kept or read.
	errLost = errors.New("messages lost")
)

// notice is a message with the namespace it comes from.
type notice struct {
	messages []syscall.NetlinkMessage
	nsid     int // NoNSID unless the kernel gave one
}

// listener receives the messages about links of one namespace and of all that
// have an id there. Its methods are for one goroutine, except close.
type listener struct {
	conn *netlink.Conn
	raw  syscall.RawConn
	data []byte
	oob  []byte
}

func listen(ns *netns.NS, bufferBytes int) (*listener, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: ns.Fd(), Groups: groups})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, err)
	}
	raw, err := conn.SyscallConn()
	err = errors.Join(err,
		conn.SetReadBuffer(bufferBytes),
		conn.SetOption(netlink.ListenAllNSID, true))
	if err != nil {
		return nil, fmt.Errorf("subscribe to links of %s: %w", ns, errors.Join(err, conn.Close()))
	}
	return &listener{
		conn: conn,
		raw:  raw,
		data: make([]byte, maxMessageBytes),
		oob:  make([]byte, unix.CmsgSpace(4)*4),
	}, nil
}

// receive waits for a message, which is good until the next call. Returns
// errLost if some could not be kept, and another error only after close.
func (l *listener) receive() (notice, error) {
	var got datagram
	err := l.raw.Read(func(fd uintptr) bool {
		got = l.read(int(fd))
		return !errors.Is(got.err, unix.EAGAIN)
	})
	if err != nil {
		return notice{}, err
	}
	return l.decode(got)
}

// poll is receive without waiting: it returns errNoMessage if none is there.
func (l *listener) poll() (notice, error) {
	var got datagram
	if err := l.raw.Control(func(fd uintptr) { got = l.read(int(fd)) }); err != nil {
		return notice{}, err
	}
	if errors.Is(got.err, unix.EAGAIN) {
		return notice{}, errNoMessage
	}
	return l.decode(got)
}

// datagram is what one system call gave.
type datagram struct {
	n, oobn, flags int
	from           unix.Sockaddr
	err            error
}

func (l *listener) read(fd int) datagram {
	var d datagram
	d.n, d.oobn, d.flags, d.from, d.err = unix.Recvmsg(fd, l.data, l.oob, unix.MSG_DONTWAIT)
	return d
}

func (l *listener) decode(d datagram) (notice, error) {
	if d.err != nil {
		return notice{}, errors.Join(errLost, d.err)
	}
	if d.flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return notice{}, errLost
	}
	// Other processes with the right to can send to these groups too.
	if sender, ok := d.from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
		return notice{}, nil
	}
	messages, err := syscall.ParseNetlinkMessage(l.data[:d.n])
	if err != nil {
		return notice{}, errors.Join(errLost, err)
	}
	nsid, err := originOf(l.oob[:d.oobn])
	if err != nil {
		return notice{}, errors.Join(errLost, err)
	}
	return notice{messages: messages, nsid: nsid}, nil
}

func (l *listener) close() error { return l.conn.Close() }

// originOf reads from a control message the id of the namespace that a message
// comes from.
func originOf(oob []byte) (int, error) {
	controls, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return NoNSID, fmt.Errorf("parse control message: %w", err)
	}
	for _, c := range controls {
		isNSID := c.Header.Level == unix.SOL_NETLINK && c.Header.Type == unix.NETLINK_LISTEN_ALL_NSID
		if isNSID && len(c.Data) >= 4 {
			return int(int32(binary.NativeEndian.Uint32(c.Data))), nil
		}
	}
	return NoNSID, nil
}
