// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/tchandler"
)

func TestRow23CloseLeavesNoQdisc(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	l := p.links[0]
	before := testutil.Exec(t, p.host, "tc", "qdisc", "show", "dev", l.Name)
	// The link was there before: whoever made it is done with it.
	h, _ := newHandler(t, ingress, boathook.Options{Backend: boathook.Clsact})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	qt.Assert(t, qt.IsNil(h.AttachIface(&l.Interface)))
	qt.Check(t, qt.HasLen(p.hooks(t), 2))
	qt.Assert(t, qt.IsNil(h.Close()))
	qt.Check(t, qt.Equals(testutil.Exec(t, p.host, "tc", "qdisc", "show", "dev", l.Name), before))
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
}

func TestRow36CloseIsTheEndAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	for range 2 {
		qt.Assert(t, qt.IsNil(h.Close()))
	}
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
	for name, call := range methods(h, p, g.Program) {
		qt.Check(t, qt.ErrorIs(call(), boathook.ErrClosed), qt.Commentf(name))
	}
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
}

// methods are all that can fail.
func methods(h *tchandler.Handler, p *pod, prog *ebpf.Program) map[string]func() error {
	c, iface := p.container("a"), &p.links[0].Interface
	return map[string]func() error{
		"AttachProg":        func() error { return h.AttachProg(prog) },
		"AttachContainer":   func() error { return h.AttachContainer(c) },
		"DetachContainer":   func() error { return h.DetachContainer(c) },
		"AttachIface":       func() error { return h.AttachIface(iface) },
		"DetachIface":       func() error { return h.DetachIface(iface) },
		"PacketsBeforeProg": func() error { _, err := h.PacketsBeforeProg(); return err },
	}
}

// The race detector watches.
func TestRow17MethodsFromManyGoroutinesCloseAmongThem(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 2)
		h, g := newHandler(t, ingress, opts)
		var wg sync.WaitGroup
		middle := make(chan struct{})
		for i := range 8 {
			wg.Go(func() {
				c := p.container(fmt.Sprint(i % 4))
				for round := range 6 {
					_ = h.AttachContainer(c)
					_ = h.AttachIface(&p.links[i%2].Interface)
					_ = h.AttachProg(g.Program)
					_, _ = h.PacketsBeforeProg()
					_, _ = h.Runtime().Attachments()
					_ = h.DetachIface(&p.links[i%2].Interface)
					_ = h.DetachContainer(c)
					if i == 0 && round == 3 {
						close(middle)
					}
				}
			})
		}
		<-middle
		qt.Check(t, qt.IsNil(h.Close()))
		wg.Wait()
		for name, call := range methods(h, p, g.Program) {
			qt.Check(t, qt.ErrorIs(call(), boathook.ErrClosed), qt.Commentf(name))
		}
		qt.Check(t, qt.HasLen(p.hooks(t), 0))
		qt.Check(t, qt.Equals(p.links[0].receive(t, 2), 2))
	})
}

func TestRow40DirectionIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	for _, direction := range []tchandler.AttachmentDirection{tchandler.AttachmentDirectionUnspec, -1, 3} {
		_, err := tchandler.NewHandler(direction)
		qt.Check(t, qt.ErrorMatches(err, `direction -?\d is neither ingress nor egress`))
	}
}

func TestProgramAmongTheOptionsIsRefused(t *testing.T) {
	t.Parallel()
	_, err := tchandler.NewHandlerWith(ingress, boathook.Options{Program: boathook.Program{Ingress: "x"}})
	qt.Check(t, qt.ErrorMatches(err, "the program of a handler comes with AttachProg"))
}

func TestBadInputLeavesTheKernelAsItWas(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{})
	closed, err := g.Clone()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(closed.Close()))
	c, iface := p.container("a"), &p.links[0].Interface
	for name, bad := range map[string]struct {
		err  error
		want error
	}{
		"nil program":         {h.AttachProg(nil), boathook.ErrNoProgram},
		"closed program":      {h.AttachProg(closed), os.ErrClosed},
		"nil container":       {h.AttachContainer(nil), nil},
		"container, no id":    {h.AttachContainer(&tchandler.Container{PID: p.pid}), nil},
		"no pid":              {h.AttachContainer(&tchandler.Container{ID: "x"}), nil},
		"negative pid":        {h.AttachContainer(&tchandler.Container{ID: "x", PID: -5}), nil},
		"dead pid":            {h.AttachContainer(&tchandler.Container{ID: "dead", PID: 1 << 22}), os.ErrNotExist},
		"detach nil":          {h.DetachContainer(nil), nil},
		"detach, no id":       {h.DetachContainer(&tchandler.Container{PID: p.pid}), nil},
		"never attached":      {h.DetachContainer(c), boathook.ErrNotAttached},
		"nil interface":       {h.AttachIface(nil), nil},
		"no index":            {h.AttachIface(&net.Interface{Name: iface.Name}), nil},
		"no name":             {h.AttachIface(&net.Interface{Index: iface.Index}), nil},
		"negative index":      {h.AttachIface(&net.Interface{Index: -1, Name: iface.Name}), nil},
		"no such interface":   {h.AttachIface(&net.Interface{Index: 1 << 30, Name: iface.Name}), os.ErrNotExist},
		"pattern":             {h.AttachIface(&net.Interface{Index: iface.Index, Name: "v*"}), os.ErrNotExist},
		"detach nil iface":    {h.DetachIface(nil), nil},
		"iface not attached":  {h.DetachIface(iface), boathook.ErrNotAttached},
		"iface of another ns": {h.AttachIface(&net.Interface{Index: iface.Index, Name: "net0"}), os.ErrNotExist},
	} {
		qt.Check(t, qt.IsNotNil(bad.err), qt.Commentf(name))
		if bad.want != nil {
			qt.Check(t, qt.ErrorIs(bad.err, bad.want), qt.Commentf(name))
		}
	}
	qt.Check(t, qt.HasLen(p.hooks(t), 0))
	qt.Check(t, qt.HasLen(attachments(t, h), 0))
	qt.Check(t, qt.Equals(p.links[0].receive(t, 2), 2))
}
