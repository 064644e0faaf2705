// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil"
)

// lockedBuffer takes what several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex // guards the buffer
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// one is a source with one container, there from the beginning.
type one struct{ there container.Container }

func (one) Name() string { return "one" }

func (s one) Watch(ctx context.Context, emit func(container.Event)) error {
	emit(container.Event{Type: container.Added, Container: s.there})
	emit(container.Event{Type: container.Synced})
	<-ctx.Done()
	return nil
}

// world is a network namespace with a container's name and a pair of links.
type world struct {
	ns             *netns.NS
	stdout, stderr lockedBuffer
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{ns: testutil.Netns(tb)}
	testutil.Veth(tb, w.ns, "eth0", w.ns, "eth1")
	testutil.AddAddr(tb, w.ns, "eth0", "192.0.2.1/24")
	return w
}

// config is a run of an object of testdata on the container of the world.
func (w *world) config(tb testing.TB, name string, want object.Want) session.Config {
	tb.Helper()
	o, err := object.Open(testutil.ObjectPath(tb, name))
	qt.Assert(tb, qt.IsNil(err))
	chosen, err := o.Choose(want)
	qt.Assert(tb, qt.IsNil(err))
	web := container.Container{Runtime: "one", ID: "web", Name: "web", NetnsPath: testutil.Path(w.ns)}
	return session.Config{
		Object: o, Chosen: chosen, Name: name, Format: session.JSON, For: 20 * time.Second,
		Targets: session.Targets{Containers: []string{"web"}}, Sources: []container.Source{one{web}},
		Env: session.Env{Stdout: &w.stdout, Stderr: &w.stderr, Log: slog.New(slog.DiscardHandler)},
	}
}

// lacksTCX says why the kernel has no TCX, of which a run tells no more than that.
func (w *world) lacksTCX() error {
	set, err := hook.Open(w.ns, hook.TCX, hook.Options{Owner: hook.Owner{Instance: "test", BootID: "0-1"}})
	if err != nil {
		return err
	}
	return set.Close()
}

// run runs cfg.
func (w *world) run(tb testing.TB, cfg session.Config) error {
	tb.Helper()
	err := session.Run(tb.Context(), cfg)
	testutil.SkipIfNotSupported(tb, err)
	return err
}

// send makes packets: the kernel asks on the link who has the address.
func (w *world) send(tb testing.TB) {
	tb.Helper()
	err := w.ns.Do(func() error {
		conn, err := (&net.Dialer{}).DialContext(tb.Context(), "udp", "192.0.2.2:9")
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("hello"))
		return err
	})
	if err != nil {
		tb.Error(err)
	}
}

func TestCountEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config(t, "dropall", object.Want{Direction: "egress"})
	cfg.Count, cfg.Ready = 1, func() { w.send(t) }
	qt.Assert(t, qt.IsNil(w.run(t, cfg)))
	qt.Check(t, qt.Matches(w.stdout.String(), `\{"time":.*"container":\{.*"name":"web"\}.*"direction":"egress".*\}\n`))
	qt.Check(t, qt.Matches(w.stderr.String(), `(?s)boathook: ready: 2 attachments, 1 containers\n\{"summary":.*\}\n`))
}

func TestClosedOutputEndsQuietly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config(t, "dropall", object.Want{Direction: "egress"})
	read, write, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	defer write.Close()
	qt.Assert(t, qt.IsNil(read.Close()))
	cfg.Env.Stdout, cfg.Ready, cfg.Maps = write, func() { w.send(t) }, []string{"all"}
	qt.Assert(t, qt.IsNil(w.run(t, cfg)))
	qt.Check(t, qt.IsFalse(strings.Contains(w.stderr.String(), "pipe")))
}

func TestOrderThatIsNotPossibleEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]boathook.Backend{"tcx": boathook.TCX, "clsact": boathook.Clsact} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if backend == boathook.TCX {
				testutil.SkipIfNotSupported(t, w.lacksTCX())
			}
			cfg := w.config(t, "dropall", object.Want{})
			cfg.Backend, cfg.Order = backend, boathook.Order{Position: boathook.Before, Program: ebpf.ProgramID(1 << 30)}
			err := w.run(t, cfg)
			qt.Assert(t, qt.ErrorMatches(err, `link eth. \(ifindex \d+\): attach to ingress of .*: program 1073741824 is not there: order not possible`))
			qt.Check(t, qt.Matches(fault.Hint(err), "boathook ps .*"))
			qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
			qt.Check(t, qt.Equals(w.stdout.String(), ""))
		})
	}
}

func TestMapThatTheProgramDoesNotUseIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config(t, "legacytails", object.Want{Programs: []string{"third"}, AsSchedCLS: true})
	cfg.Object.Spec.Maps["spare"] = &ebpf.MapSpec{Name: "spare", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Maps, cfg.Ready = []string{"spare,counts"}, cancel
	err := session.Run(ctx, cfg)
	testutil.SkipIfNotSupported(t, err)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.StringContains(w.stderr.String(), "boathook: nothing to print of spare: the program does not use it\n"))
}

func TestNothingMatchedEndsWithItsOwnCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config(t, "dropall", object.Want{})
	cfg.Targets.Containers, cfg.NoFollow = []string{"wbe"}, true
	err := w.run(t, cfg)
	qt.Assert(t, qt.ErrorMatches(err, `no container matches "wbe"`))
	qt.Check(t, qt.Equals(fault.Hint(err), "near it: web"))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeNoMatch))
}
