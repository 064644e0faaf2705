// SPDX-License-Identifier: Apache-2.0

package dispatch

import "fmt"

// Verdicts is the number of kinds that [Counters] tells apart.
const Verdicts = 11

// Counters is what the dispatcher saw on one link.
type Counters struct {
	// Packets counts skbs, Segments what they are on the wire (GSO), Bytes their length with the link header.
	Packets, Bytes, Segments uint64
	// NotRun counts packets that found no program in the slot.
	NotRun uint64
	// Verdicts counts what the program said: index 0 is TC_ACT_UNSPEC (-1), 9 TC_ACT_TRAP (8), 10 all others.
	Verdicts [Verdicts]uint64
}

// VerdictName is the kernel's name, without its prefix, for an index of
// [Counters].Verdicts; "other" for the last. Source: include/uapi/linux/pkt_cls.h.
func VerdictName(index int) string {
	names := [Verdicts]string{"unspec", "ok", "reclassify", "shot", "pipe", "stolen", "queued", "repeat", "redirect", "trap", "other"}
	if index < 0 || index >= Verdicts {
		return fmt.Sprintf("verdict(%d)", index)
	}
	return names[index]
}

// Add adds o to c.
func (c *Counters) Add(o Counters) {
	c.Packets += o.Packets
	c.Bytes += o.Bytes
	c.Segments += o.Segments
	c.NotRun += o.NotRun
	for i := range c.Verdicts {
		c.Verdicts[i] += o.Verdicts[i]
	}
}

func sum(perCPU []dispatcherTraffic) Counters {
	var total Counters
	for _, c := range perCPU {
		one := Counters{Packets: c.Packets, Bytes: c.Bytes, Segments: c.Segments, NotRun: c.NotRun}
		copy(one.Verdicts[:], c.Verdicts[:])
		total.Add(one)
	}
	return total
}
