// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/fault"
)

// story is what both sides of a demonstration know when it is over.
type story struct {
	talk talk
	// seen counts the records by the end that they come from and their direction.
	seen map[string]int
	// unread: whoever read the records went away before the end.
	unread bool
}

// see counts a record. It is used from one goroutine at a time.
func (s *story) see(r *event.Record) {
	if len(r.Containers) == 1 {
		s.seen[r.Containers[0].Name+" "+r.Direction]++
	}
}

// leaving and entering count the first packets of conversations as the two ends
// saw them.
func (s *story) leaving() int  { return s.seen[clientName+" egress"] }
func (s *story) entering() int { return s.seen[serverName+" ingress"] }

// tell says in words what there was to see.
func (s *story) tell(out io.Writer) error {
	outcome := "every answer came back whole"
	if s.talk.failed > 0 {
		outcome = "but not every answer came back"
	}
	_, err := fmt.Fprintf(out, `boathook: a client and a server, each in a network namespace of its own, held %d conversations, %d over TCP and %d over UDP
boathook: each shows twice: its first packet leaves the client (egress, %d seen) and enters the server (ingress, %d seen)
boathook: the program asked for every packet to be dropped (SHOT); observe lets them all go on: %s
boathook: namespaces, links and programs are gone again
hint: boathook run OBJECT --container NAME does the same with your program and your containers
`, s.talk.answered(), s.talk.tcp, s.talk.udp, s.leaving(), s.entering(), outcome)
	return err
}

// judge makes an error of what should not be.
func (s *story) judge() error {
	const hint = "boathook doctor shows what stands in the way"
	answered := s.talk.answered()
	switch {
	case s.talk.failed > 0:
		return fault.Failure(hint, "%d of %d conversations failed: %w", s.talk.failed, answered+s.talk.failed, s.talk.err)
	case s.leaving() < answered || s.entering() < answered:
		return fault.Failure(hint, "%d conversations, but %d seen leaving and %d entering", answered, s.leaving(), s.entering())
	}
	return nil
}
