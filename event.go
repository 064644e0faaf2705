// SPDX-License-Identifier: Apache-2.0

package boathook

// Event is what a program sent to user space.
type Event struct {
	// Direction is that of the packet, whatever the program wrote.
	Direction Direction
	// Netns is the nsfs inode of the target's network namespace and Hook the ifindex
	// of the link with the hook, if the copy of the program that sent the event
	// serves this link alone; else 0. See Options.PerLink and [Runtime.Links].
	Netns uint32
	Hook  int
	// Map is the name of the ring buffer or perf event array.
	Map string
	// Data is valid only during the call, and must not be written to: it lies where the
	// program wrote it, in memory shared with the kernel. Writing to it, or reading it
	// when the Runtime is closed, is a fault that ends the process. Nil if the event only
	// says what was lost.
	Data []byte
	// Perf says that up to 7 bytes at the end of Data are padding.
	Perf bool
	// Lost counts events that the program could not send since the one before.
	Lost uint64
	// Full says that the ring buffer was found full, by a program that does not
	// count what it could not send: events are probably missing, nobody knows how many.
	Full bool
	// More says that the next call, for the same map of the same copy of the program,
	// follows at once: who collects events before passing them on may wait for one
	// without.
	More bool
}

// Notice reports what happened to a target behind the caller's back.
type Notice struct {
	// Target is the id of the target; empty if it concerns all.
	Target string
	// Err is what went wrong, for instance [ErrHostNetwork]; nil if all is well again.
	Err error
}
