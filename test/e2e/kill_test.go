// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestLinksOfAKilledProcessGo(t *testing.T) { //nolint:paralleltest // measures time
	before := settings()
	for _, links := range []int{1, 10, 50} {
		ns := testutil.Netns(t)
		var batch strings.Builder
		for i := range links {
			fmt.Fprintf(&batch, "link add name a%d up type veth peer name b%d\n", i, i)
		}
		_, err := testutil.ExecInput(ns, batch.String(), "ip", "-batch", "-")
		qt.Assert(t, qt.IsNil(err))
		c := startIn(t, ns, testutil.ObjectPath(t, "dropall"), "-i", "a*", "--verdict", "drop", "--backend", "tcx")
		c.ready(t, 2*links, 0)

		c.objects.add(t, c.cmd.Process.Pid)
		qt.Assert(t, qt.HasLen(c.objects.links, 2*links))
		killed := time.Now()
		qt.Assert(t, qt.IsNil(c.cmd.Process.Kill()))
		testutil.Eventually(t, patience, func() bool { return c.objects.linksLeft() == 0 }, "the links are gone")
		t.Logf("%d TCX links on %d links gone %v after SIGKILL", 2*links, links, time.Since(killed).Round(time.Millisecond))
		c.wait(t)
		for i := range links {
			index := testutil.Index(t, ns, fmt.Sprintf("a%d", i))
			qt.Assert(t, qt.HasLen(tcxPrograms(t, ns, index), 0))
		}
	}
	qt.Check(t, qt.Equals(settings(), before))
}

func TestPacketsPassWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	for _, backend := range backends() {
		for _, verdict := range []string{"observe", "drop", "enforce"} {
			t.Run(backend+" "+verdict, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				web := w.run(t, "web")
				web.meet(t, w.network)
				eth0 := web.link(t, "eth0")
				inside, outside := web.station(t), w.station(t)
				c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--backend", backend, "--verdict", verdict)
				c.ready(t, 2, 1)
				inside.send(t, outside, outbound, packets)
				outside.send(t, inside, inbound, packets)
				c.recorded(t, 2*packets)

				c.objects.add(t, c.cmd.Process.Pid)
				killed := time.Now()
				qt.Assert(t, qt.IsNil(c.cmd.Process.Kill()))
				// The kernel empties the slots just after the process has ended.
				testutil.Eventually(t, patience, func() bool {
					inside.send(t, outside, later-1, 1)
					outside.send(t, inside, later-1, 1)
					return has(outside.received(t), later-1) && has(inside.received(t), later-1)
				}, "packets pass")
				t.Logf("packets pass within %v of SIGKILL", time.Since(killed).Round(time.Millisecond))
				inside.send(t, outside, later, packets)
				outside.send(t, inside, later, packets)
				outside.endsWith(t, numbers(later, packets))
				inside.endsWith(t, numbers(later, packets))

				left := filters(t, w.host, eth0.Host)
				qt.Check(t, qt.Equals(strings.Count(left, "boathook/"), map[string]int{"tcx": 0, "clsact": 2}[backend]), qt.Commentf("%s", left))
				qt.Check(t, qt.HasLen(tcxPrograms(t, w.host, eth0.HostIfindex), 0))
				// With its link, a filter goes as well: c.wait looks.
				w.docker.Docker(t, "rm", "--force", web.id)
				c.wait(t)
			})
		}
	}
}

func TestWhatOthersHaveOnALinkStaysAsItIs(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testing.T, *command, *box){
		"interrupted": func(t *testing.T, c *command, _ *box) { t.Helper(); c.stop(t).ok(t) },
		"killed": func(t *testing.T, c *command, web *box) {
			t.Helper()
			c.objects.add(t, c.cmd.Process.Pid)
			qt.Assert(t, qt.IsNil(c.cmd.Process.Kill()))
			// Filters of ours that stay go with their link, at the end.
			t.Cleanup(func() {
				web.world.docker.Docker(t, "rm", "--force", web.id)
				c.wait(t)
			})
		},
	}
	for _, backend := range backends() {
		for name, end := range ends {
			t.Run(backend+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				web := w.run(t, "web")
				eth0 := web.link(t, "eth0")
				addForeign(t, w.host, eth0)
				before := foreign(t, w.host, eth0)
				c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--backend", backend)
				c.ready(t, 2, 1)
				exchange(t, c, route{eth0, web.station(t), w.station(t)}, web.name)
				end(t, c, web)
				var after string
				if !testutil.Poll(patience, func() bool { after = foreign(t, w.host, eth0); return after == before }) {
					t.Errorf("before:\n%s\nafter:\n%s", before, after)
				}
			})
		}
	}
}

// addForeign puts a root qdisc, a clsact qdisc with a filter on each point, and
// a TCX program on each point of the host end.
func addForeign(tb testing.TB, ns *netns.NS, l *linkInfo) {
	tb.Helper()
	testutil.Exec(tb, ns, "tc", "qdisc", "add", "dev", l.Host, "root", "pfifo", "limit", "77")
	testutil.Exec(tb, ns, "tc", "qdisc", "add", "dev", l.Host, "clsact")
	for _, point := range []string{"ingress", "egress"} {
		testutil.Exec(tb, ns, "tc", "filter", "add", "dev", l.Host, point, "pref", "9", "handle", "3",
			"bpf", "direct-action", "bytecode", "1,6 0 0 4294967295")
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "foreign", Type: ebpf.SchedCLS, License: "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(program.Close())) })
	for _, point := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		err := ns.Do(func() error {
			attached, err := link.AttachTCX(link.TCXOptions{Interface: l.HostIfindex, Program: program, Attach: point})
			if err == nil {
				tb.Cleanup(func() { qt.Check(tb, qt.IsNil(attached.Close())) })
			}
			return err
		})
		qt.Assert(tb, qt.IsNil(err))
	}
}

// foreign is all that is on a link but filters of ours, which are alone at their
// priority, and TCX programs of a process that is just being killed.
func foreign(tb testing.TB, ns *netns.NS, l *linkInfo) string {
	tb.Helper()
	text := filters(tb, ns, l.Host)
	for _, own := range regexp.MustCompile(`pref (\d+) .* boathook/`).FindAllStringSubmatch(text, -1) {
		text = regexp.MustCompile(`(?m)^.* pref `+own[1]+` .*\n( .*\n|\t.*\n)*`).ReplaceAllString(text, "")
	}
	return fmt.Sprintf("%s\n%s\n%v", testutil.Exec(tb, ns, "tc", "qdisc", "show", "dev", l.Host), text, tcxPrograms(tb, ns, l.HostIfindex))
}

// filters are those of both points of a link.
func filters(tb testing.TB, ns *netns.NS, dev string) string {
	tb.Helper()
	return testutil.Exec(tb, ns, "tc", "filter", "show", "dev", dev, "ingress") +
		testutil.Exec(tb, ns, "tc", "filter", "show", "dev", dev, "egress")
}
