// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

const (
	// frameBytes are those of a packet with a number of four digits: Ethernet,
	// IPv4 and UDP headers and the digits.
	frameBytes = 14 + 20 + 8 + 4
	// Packets of each test below: out of the container and into it.
	out, in    = 2, 1
	outTotal   = out * frameBytes
	inTotal    = in * frameBytes
	firstOut   = 1001
	firstIn    = 2001
	domainPort = ":53"
)

// site is a container with somebody to talk to.
type site struct {
	world           *world
	web             *box
	eth0            *linkInfo
	inside, outside *station
}

func newSite(t *testing.T) site {
	t.Helper()
	w := newWorld(t)
	web := w.run(t, "web")
	web.meet(t, w.network)
	return site{world: w, web: web, eth0: web.link(t, "eth0"), inside: web.station(t), outside: w.station(t)}
}

// run starts an object of testdata on the container.
func (s site) run(t *testing.T, object string, args ...string) *command {
	t.Helper()
	args = append([]string{testutil.ObjectPath(t, object), "-c", s.web.name, "-o", "json"}, args...)
	c := s.world.start(t, args...)
	c.ready(t, 2, 1)
	return c
}

// traffic sends the packets and waits until they have come.
func (s site) traffic(t *testing.T) {
	t.Helper()
	s.inside.send(t, s.outside, firstOut, out)
	s.outside.send(t, s.inside, firstIn, in)
	s.outside.endsWith(t, numbers(firstOut, out))
	s.inside.endsWith(t, numbers(firstIn, in))
}

// expect waits for the records of the traffic, which must all tell the container
// and the link, and returns the events by direction.
func (s site) expect(t *testing.T, c *command, count int) map[string][]map[string]any {
	t.Helper()
	events := map[string][]map[string]any{}
	records := c.recorded(t, count)
	qt.Check(t, qt.HasLen(records, count))
	for _, r := range records {
		qt.Check(t, qt.DeepEquals(r.names(), []string{s.web.name}))
		qt.Check(t, qt.DeepEquals(r.Link, s.eth0))
		qt.Check(t, qt.Equals(r.Netns, s.web.netns(t).Inode()))
		events[r.Direction] = append(events[r.Direction], r.Event)
	}
	c.stop(t).ok(t)
	return events
}

func TestRecordsOfProgramsThatKnowNothingOfUsTellTheContainer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, object := range []string{"silent", "perf"} {
		for _, backend := range backends() {
			c := s.run(t, object, "--backend", backend)
			s.traffic(t)
			events := s.expect(t, c, out+in)
			qt.Check(t, qt.HasLen(events["egress"], out))
			qt.Check(t, qt.HasLen(events["ingress"], in))
			for _, e := range events["egress"] {
				qt.Check(t, qt.Equals(e["len"], any(float64(frameBytes))))
			}
			if object == "perf" {
				data, _ := events["ingress"][0]["data"].(string)
				// The digits of the packet's number, behind its headers.
				qt.Check(t, qt.Matches(data, ".*32303031.*"))
			}
		}
	}
}

func TestGadgetsOfInspektorGadgetRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.run(t, "gadget")
	s.traffic(t)
	events := s.expect(t, c, out+in)
	host, inner := s.world.gateway, s.web.address(t, s.world.network)
	endpoint := func(address string, of *station) map[string]any {
		_, port, _ := strings.Cut(of.address, ":")
		n, err := strconv.Atoi(port)
		qt.Assert(t, qt.IsNil(err))
		return map[string]any{
			"l3": map[string]any{"addr": address, "version": 4.0}, "port": float64(n), "proto": "UDP",
		}
	}
	for direction, events := range events {
		src, dst := endpoint(inner, s.inside), endpoint(host, s.outside)
		if direction == "ingress" {
			src, dst = dst, src
		}
		for _, e := range events {
			qt.Check(t, qt.DeepEquals(e["src"], any(src)))
			qt.Check(t, qt.DeepEquals(e["dst"], any(dst)))
			qt.Check(t, qt.Equals(e["egress"], any(direction == "egress")))
			qt.Check(t, qt.Equals(e["netns_id"], any(float64(s.web.netns(t).Inode()))))
		}
	}
	qt.Check(t, qt.HasLen(events["egress"], out))
	qt.Check(t, qt.HasLen(events["ingress"], in))
}

func TestSocketFiltersObserve(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.run(t, "socket")
	s.traffic(t)
	s.inside.send(t, &station{address: s.world.gateway + domainPort}, firstOut, 1)
	events := s.expect(t, c, 1)
	qt.Assert(t, qt.HasLen(events["egress"], 1))
	e := events["egress"][0]
	qt.Check(t, qt.Equals(e["daddr_host"], any(s.world.gateway)))
	qt.Check(t, qt.Equals(e["dport_host"], any(53.0)))
	// The first two digits of the packet's number.
	qt.Check(t, qt.Equals(e["id"], any(float64('1'<<8|'0'))))

	c = s.world.start(t, testutil.ObjectPath(t, "socket"), "-c", s.web.name, "--verdict", "drop")
	c.wait(t).fails(t, 2, "a socket filter .*", "--verdict observe")
}

func TestMapsOfProgramsThatOnlyCountArePrinted(t *testing.T) { //nolint:tparallel // the subtests share the links
	t.Parallel()
	s := newSite(t)
	inner, host := s.web.address(t, s.world.network), s.world.gateway
	both := map[string]any{"packets": out + in, "bytes": outTotal + inTotal}
	for _, test := range []struct {
		args string
		want []map[string]any
	}{
		{"stats --map all", entries("stats_map", 0, both)},
		{"pair --map flows", entries("flows",
			map[string]any{"local_addr": inner, "remote_addr": host, "proto": "UDP"},
			map[string]any{"in_packets": in, "in_bytes": inTotal, "out_packets": out, "out_bytes": outTotal})},
		{"tcxnext --map all", entries("lengths", 0, in, 16, out)},
		{"tailcalls --map all --program entry:both", entries("counts", 0, out+in)},
		{"tailcalls --map all --program entry:both --tail steps[0]=handle_other", entries("counts", 2, out+in)},
		{"params --map all --set level=7 --set name=eth9 --set target_addr=192.0.2.1 --set mode=SAMPLING_RANDOM --set verdict=2", entries("results", 0, map[string]any{
			"packets": out + in, "big": 1 << 40, "delta": -1, "offset": -5, "mode": 1, "ratio": 1,
			"target_addr": "192.0.2.1", "port": 80, "level": 7, "name": "eth9",
		})},
		{"bss --map .bss", entries(".bss", 0, map[string]any{
			"seen": true, "total_packets": out + in, "total_bytes": outTotal + inTotal, "long_packets": 0,
			// On the host end the packets of the container are for another host.
			"by_type": []int{in, 0, 0, 0, 0, 0, 0, 0},
		})},
		{"legacymaps --map acc_map", entries("acc_map", 0, out+in, 1, outTotal+inTotal)},
	} {
		t.Run(test.args, func(t *testing.T) { //nolint:paralleltest // the packets are those of one run
			args := strings.Fields(test.args)
			c := s.run(t, args[0], args[1:]...)
			s.traffic(t)
			end := c.stop(t)
			end.ok(t)
			qt.Check(t, qt.Equals(end.summary(t).Packets, out+in))
			var got []any
			for line := range strings.Lines(end.stdout) {
				var entry any
				qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &entry)))
				got = append(got, entry)
			}
			text, err := json.Marshal(test.want)
			qt.Assert(t, qt.IsNil(err))
			var want []any
			qt.Assert(t, qt.IsNil(json.Unmarshal(text, &want)))
			qt.Check(t, qt.DeepEquals(got, want))
		})
	}
}

// entries are those of a map, from keys and values in turn.
func entries(name string, keysAndValues ...any) []map[string]any {
	var list []map[string]any
	for i := 0; i < len(keysAndValues); i += 2 {
		list = append(list, map[string]any{"map": name, "key": keysAndValues[i], "value": keysAndValues[i+1]})
	}
	return list
}

func TestAProgramWithNothingToPrintSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for args, hint := range map[string]string{
		"noevents":           "the summary counts its packets and verdicts",
		"noevents --map all": "the summary counts its packets and verdicts",
		"stats":              "--map all prints its maps at the end",
	} {
		words := strings.Fields(args)
		c := s.run(t, words[0], words[1:]...)
		s.traffic(t)
		end := c.stop(t)
		end.ok(t)
		qt.Check(t, qt.StringContains(end.stderr, "boathook: the program has nothing to print: "))
		qt.Check(t, qt.StringContains(end.stderr, "hint: "+hint+"\n"))
		qt.Check(t, qt.Equals(end.stdout, ""))
		qt.Check(t, qt.Equals(end.summary(t).Packets, out+in))
	}
}
