// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

// home is the network namespace of the daemon, where the bridges are.
var home struct {
	once sync.Once
	ns   *netns.NS
	err  error
}

var worlds atomic.Int32

// world is a docker network of one test, so that no other test's packets come
// by, and a prefix for names.
type world struct {
	docker  *dockertest.Daemon
	host    *netns.NS
	network string
	gateway string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{docker: docker.Daemon(tb), network: fmt.Sprintf("w%d", worlds.Add(1))}
	home.once.Do(func() {
		if home.ns, home.err = netns.OpenPID(w.docker.PID(tb)); home.err != nil {
			return
		}
		// The kernel's own IPv6 packets would be counted with those of a test.
		for _, scope := range []string{"all", "default"} {
			if _, home.err = testutil.ExecErr(home.ns, "sysctl", "-qw", "net.ipv6.conf."+scope+".disable_ipv6=1"); home.err != nil {
				return
			}
		}
	})
	qt.Assert(tb, qt.IsNil(home.err))
	w.host = home.ns
	w.gateway = w.addNetwork(tb, w.network)
	return w
}

// name is one that no other test has.
func (w *world) name(short string) string { return w.network + "-" + short }

// bridge is the name of the bridge of a network.
func bridge(network string) string { return "br" + network }

// addNetwork makes another network and returns the address of its bridge.
func (w *world) addNetwork(tb testing.TB, name string) string {
	tb.Helper()
	w.docker.Docker(tb, "network", "create", "--opt", "com.docker.network.bridge.name="+bridge(name), name)
	tb.Cleanup(func() { w.docker.Docker(tb, "network", "rm", name) })
	return w.docker.Docker(tb, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)
}

// box is a running container.
type box struct {
	world    *world
	name, id string
}

// run starts a container that does nothing, with further flags of docker run. Its
// name is that of the world and short.
func (w *world) run(tb testing.TB, short string, flags ...string) *box {
	tb.Helper()
	return w.runIn(tb, short, append([]string{"--network", w.network}, flags...)...)
}

// runIn is run with the network among the flags.
func (w *world) runIn(tb testing.TB, short string, flags ...string) *box {
	tb.Helper()
	return w.create(tb, short, dockertest.Image, flags...)
}

// runImage is run with another image, which must be made of the usual one.
func (w *world) runImage(tb testing.TB, short, image string, flags ...string) *box {
	tb.Helper()
	return w.create(tb, short, image, append([]string{"--network", w.network}, flags...)...)
}

func (w *world) create(tb testing.TB, short, image string, flags ...string) *box {
	tb.Helper()
	b := &box{world: w, name: w.name(short)}
	args := append([]string{"--name", b.name, "--volume", built.peer + ":/peer:ro"}, flags...)
	b.id = w.docker.Run(tb, append(args, image, "/peer", "wait")...)
	return b
}

func (b *box) inspect(tb testing.TB, format string) string {
	tb.Helper()
	return b.world.docker.Docker(tb, "inspect", "--format", format, b.id)
}

// netns opens the network namespace of the container.
func (b *box) netns(tb testing.TB) *netns.NS {
	tb.Helper()
	pid, err := strconv.Atoi(b.inspect(tb, "{{.State.Pid}}"))
	qt.Assert(tb, qt.IsNil(err))
	ns, err := netns.OpenPID(pid)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(ns.Close())) })
	return ns
}

// address is the container's in one of its networks.
func (b *box) address(tb testing.TB, network string) string {
	tb.Helper()
	return b.inspect(tb, fmt.Sprintf("{{(index .NetworkSettings.Networks %q).IPAddress}}", network))
}

// meet makes the container and the bridge of a network know each other's link
// addresses, so that no packets but a test's own are counted, or dropped.
func (b *box) meet(tb testing.TB, network string) {
	tb.Helper()
	inside := b.netns(tb)
	format := fmt.Sprintf("{{with index .NetworkSettings.Networks %q}}{{.IPAddress}} {{.MacAddress}} {{.Gateway}}{{end}}", network)
	words := strings.Fields(b.inspect(tb, format))
	qt.Assert(tb, qt.HasLen(words, 3))
	address, mac, gateway := words[0], words[1], words[2]
	route := strings.Fields(testutil.Exec(tb, inside, "ip", "-o", "route", "get", gateway))
	testutil.Exec(tb, b.world.host, "ip", "neigh", "replace", address, "lladdr", mac, "dev", bridge(network), "nud", "permanent")
	testutil.Exec(tb, inside, "ip", "neigh", "replace", gateway, "lladdr", linkAddress(tb, b.world.host, bridge(network)), "dev", route[2], "nud", "permanent")
}

// linkAddress is the MAC address of a link.
func linkAddress(tb testing.TB, ns *netns.NS, name string) string {
	tb.Helper()
	words := strings.Fields(testutil.Exec(tb, ns, "ip", "-o", "link", "show", "dev", name))
	for i, word := range words {
		if word == "link/ether" {
			return words[i+1]
		}
	}
	tb.Fatalf("%s has no address: %v", name, words)
	return ""
}

// link is a link of the container with its host end, by what sysfs and ip say.
func (b *box) link(tb testing.TB, name string) *linkInfo {
	tb.Helper()
	inside := b.netns(tb)
	l := &linkInfo{Name: name, Ifindex: testutil.Index(tb, inside, name)}
	// "2: eth0@if7: <BROADCAST,...": 7 is the index of the host end.
	_, rest, found := strings.Cut(testutil.Exec(tb, inside, "ip", "-o", "link", "show", "dev", name), name+"@if")
	qt.Assert(tb, qt.IsTrue(found))
	digits, _, _ := strings.Cut(rest, ":")
	index, err := strconv.Atoi(digits)
	qt.Assert(tb, qt.IsNil(err))
	l.HostIfindex = index
	for line := range strings.Lines(testutil.Exec(tb, b.world.host, "ip", "-o", "link", "show", "type", "veth")) {
		if rest, ok := strings.CutPrefix(line, digits+": "); ok {
			l.Host, _, _ = strings.Cut(rest, "@")
		}
	}
	return l
}
