// SPDX-License-Identifier: Apache-2.0

package boathook

import "github.com/boathook/boathook/internal/dispatch"

// Counters is what passed one or more attachments.
type Counters struct {
	// Packets counts skbs, Segments what they are on the wire (GSO), Bytes their
	// length with the link header.
	Packets, Bytes, Segments uint64
	// NotRun counts packets that found no program.
	NotRun uint64
	// Verdicts counts what the program said, by the kernel's names in lower case
	// without prefix: "unspec", "ok", "shot" and so on, "other" for numbers that
	// have none. Kinds that never came are left out.
	Verdicts map[string]uint64
}

func (c *Counters) add(o dispatch.Counters) {
	c.Packets += o.Packets
	c.Bytes += o.Bytes
	c.Segments += o.Segments
	c.NotRun += o.NotRun
	for i, n := range o.Verdicts {
		if n == 0 {
			continue
		}
		if c.Verdicts == nil {
			c.Verdicts = map[string]uint64{}
		}
		c.Verdicts[dispatch.VerdictName(i)] += n
	}
}
