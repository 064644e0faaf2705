// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// stage is the world of one script: network namespaces with names in a folder of
// the script's own, traffic, and runs in the background.
type stage struct {
	tb      testing.TB
	names   string // the folder
	netns   map[string]*netns.NS
	runs    map[string]*background
	stop    context.CancelFunc
	ctx     context.Context //nolint:containedctx // ends the traffic with the script
	sending sync.WaitGroup
}

type stageKey struct{}

func newStage(tb testing.TB, dir string) *stage {
	tb.Helper()
	ctx, stop := context.WithCancel(tb.Context())
	return &stage{
		tb: tb, names: filepath.Join(dir, "netns"), ctx: ctx, stop: stop,
		netns: map[string]*netns.NS{}, runs: map[string]*background{},
	}
}

func stageOf(ts *testscript.TestScript) *stage {
	s, ok := ts.Value(stageKey{}).(*stage)
	if !ok {
		ts.Fatalf("no stage")
	}
	return s
}

// clear ends what the script left running and takes the names away.
func (s *stage) clear() {
	for _, run := range s.runs {
		run.kill()
	}
	s.stop()
	s.sending.Wait()
	for name := range s.netns {
		if err := unix.Unmount(filepath.Join(s.names, name), unix.MNT_DETACH); err != nil {
			s.tb.Error(err)
		}
	}
}

func (s *stage) find(ts *testscript.TestScript, name string) *netns.NS {
	ns := s.netns[name]
	if ns == nil {
		ts.Fatalf("no network namespace %s", name)
	}
	return ns
}

// makeNetns makes network namespaces called $NETNS/NAME:
//
//	netns NAME...
func makeNetns(ts *testscript.TestScript, args []string) {
	s := stageOf(ts)
	for _, name := range args {
		ns := testutil.Netns(s.tb)
		path := filepath.Join(s.names, name)
		ts.Check(os.WriteFile(path, nil, 0o644))
		ts.Check(unix.Mount(testutil.Path(ns), path, "", unix.MS_BIND, ""))
		s.netns[name] = ns
	}
}

// makeVeth connects two network namespaces by a veth pair. LINK is the name of
// both ends; a CIDR is the address of one:
//
//	veth NETNS LINK CIDR NETNS LINK CIDR
func makeVeth(ts *testscript.TestScript, args []string) {
	s := stageOf(ts)
	a, b := s.find(ts, args[0]), s.find(ts, args[3])
	testutil.Veth(s.tb, a, args[1], b, args[4])
	testutil.AddAddr(s.tb, a, args[1], args[2])
	testutil.AddAddr(s.tb, b, args[4], args[5])
}

// sendUDP sends datagrams of 100 bytes:
//
//	udp NETNS ADDRESS:PORT COUNT
func sendUDP(ts *testscript.TestScript, args []string) {
	conn := dialUDP(ts, args[0], args[1])
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	for range count {
		send(conn)
	}
	ts.Check(conn.Close())
}

// keepSending sends a datagram every 10 ms until the script ends:
//
//	traffic NETNS ADDRESS:PORT
func keepSending(ts *testscript.TestScript, args []string) {
	s := stageOf(ts)
	conn := dialUDP(ts, args[0], args[1])
	s.sending.Go(func() {
		defer conn.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			send(conn)
			select {
			case <-tick.C:
			case <-s.ctx.Done():
				return
			}
		}
	})
}

func dialUDP(ts *testscript.TestScript, name, address string) net.Conn {
	s := stageOf(ts)
	var conn net.Conn
	ts.Check(s.find(ts, name).Do(func() error {
		var err error
		conn, err = new(net.Dialer).DialContext(s.ctx, "udp", address)
		return err
	}))
	return conn
}

// send ignores that nobody listens.
func send(conn net.Conn) { _, _ = conn.Write(make([]byte, 100)) }

// noHooks checks that nothing is on the hooks of any link:
//
//	nohooks NETNS...
func noHooks(ts *testscript.TestScript, args []string) {
	for _, name := range args {
		ns := stageOf(ts).find(ts, name)
		links, err := linktable.Dump(ns)
		ts.Check(err)
		for _, link := range links {
			entries, err := hook.List(ns, link.Index)
			ts.Check(err)
			if len(entries) > 0 {
				ts.Fatalf("on %s of %s: %+v", link.Name, name, entries)
			}
		}
	}
}
