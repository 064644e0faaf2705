// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/dockertest"
)

// Packets out of the container and into it have numbers of their own.
const (
	packets  = 100
	outbound = 1
	inbound  = 1001
	later    = 5000
)

// backends are all ways onto hooks.
func backends() []string { return []string{"tcx", "clsact"} }

func TestAProgramThatDropsEverythingHarmsNobodyWhenItObserves(t *testing.T) {
	t.Parallel()
	for _, backend := range backends() {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			web := w.run(t, "web", "--label", "tier=front")
			web.meet(t, w.network)
			inside, outside := web.station(t), w.station(t)

			c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--backend", backend)
			c.ready(t, 2, 1)
			inside.send(t, outside, outbound, packets)
			outside.send(t, inside, inbound, packets)
			outside.expect(t, numbers(outbound, packets))
			inside.expect(t, numbers(inbound, packets))

			records := c.recorded(t, 2*packets)
			qt.Check(t, qt.DeepEquals(numbersOf(records, "egress"), numbers(outbound, packets)))
			qt.Check(t, qt.DeepEquals(numbersOf(records, "ingress"), numbers(inbound, packets)))
			want := web.link(t, "eth0")
			for _, r := range records {
				qt.Assert(t, qt.Equals(r.Gadget, "dropall"))
				qt.Assert(t, qt.Equals(r.Netns, web.netns(t).Inode()))
				qt.Assert(t, qt.DeepEquals(r.Container, &containerInfo{
					Runtime: "docker", ID: web.id, Name: web.name, Image: dockertest.Image, Labels: map[string]string{"tier": "front"},
				}))
				qt.Assert(t, qt.DeepEquals(r.Link, want))
			}

			end := c.stop(t)
			end.ok(t)
			sum := end.summary(t)
			qt.Check(t, qt.DeepEquals(sum.Verdicts, map[string]int{"SHOT": 2 * packets}))
			sum.Bytes, sum.Verdicts = 0, nil
			qt.Check(t, qt.DeepEquals(sum, summary{Attachments: 2, Containers: 1, Packets: 2 * packets, Events: 2 * packets}))
		})
	}
}

func TestVerdictsAreCountedForTheDirectionThatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.run(t, "web")
	web.meet(t, w.network)
	inside, outside := web.station(t), w.station(t)
	for _, direction := range []string{"ingress", "egress"} {
		c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--direction", direction)
		c.ready(t, 1, 1)
		inside.send(t, outside, outbound, packets)
		outside.send(t, inside, inbound, packets)
		c.recorded(t, packets)
		end := c.stop(t)
		end.ok(t)
		qt.Check(t, qt.HasLen(numbersOf(c.records(t), direction), packets))
		sum := end.summary(t)
		qt.Check(t, qt.DeepEquals(sum.Verdicts, map[string]int{"SHOT": packets}))
		qt.Check(t, qt.Equals(sum.Events, packets))
	}
}

func TestDropAndEnforceLetNothingThroughUntilTheEnd(t *testing.T) {
	t.Parallel()
	for _, backend := range backends() {
		for _, verdict := range []string{"drop", "enforce"} {
			t.Run(backend+" "+verdict, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				web := w.run(t, "web")
				web.meet(t, w.network)
				inside, outside := web.station(t), w.station(t)

				c := w.start(t, testutil.ObjectPath(t, "dropall"), "-c", web.name, "-o", "json", "--backend", backend, "--verdict", verdict)
				c.ready(t, 2, 1)
				inside.send(t, outside, outbound, packets)
				outside.send(t, inside, inbound, packets)
				c.recorded(t, 2*packets)
				end := c.stop(t)
				end.ok(t)
				qt.Check(t, qt.DeepEquals(end.summary(t).Verdicts, map[string]int{"SHOT": 2 * packets}))

				// Packets stay in order: had one come through, it would be before these.
				inside.send(t, outside, later, packets)
				outside.send(t, inside, later, packets)
				outside.expect(t, numbers(later, packets))
				inside.expect(t, numbers(later, packets))
			})
		}
	}
}
