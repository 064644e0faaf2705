// SPDX-License-Identifier: Apache-2.0

// Package tchandler is the interface of Inspektor Gadget's pkg/tchandler
// (v0.28.1), by which a tool puts a tc program on containers and interfaces, on
// top of a [boathook.Runtime]. It is for tools that switch: they change the import
// and how they name a container. What is new is better written with the Runtime.
//
// A [Handler] runs one program in one direction. The methods mean what they meant;
// where that was wrong they differ, and say so. What differs everywhere:
//
//   - A program that only watches stays one: what it returns decides nothing and
//     packets leave it as they came. The predecessor did what it returned, and
//     TC_ACT_OK kept the filters of others from running. Tools that want
//     verdicts set Options.Verdict in [NewHandlerWith], or use the Runtime.
//   - The inode of the container's network namespace, for interfaces of our own, is
//     in skb->cb[0] while the program runs, as before, and cb[0] is put back
//     afterwards.
//   - Where the kernel has TCX (Linux 6.6), nothing stays after SIGKILL, and programs
//     that are there already hide no packets; elsewhere filters of a killed process
//     let all packets pass. Nothing of others is ever deleted or replaced.
//
// From NewHandler on, a program of five instructions stands in for the one that
// AttachProg brings: so AttachContainer and AttachIface attach, and fail, at once,
// in whichever order they are called, and packets that come too early are counted
// (see [Handler.PacketsBeforeProg]). To hold back the attaching until there is a
// program would have moved its errors to a call that is not about them, and left
// nothing to count the packets.
//
// A Handler has one Runtime: fewer than 20 file descriptors, one more for each
// network namespace that has containers, and one for each hook on TCX, none on
// clsact. It loads its programs once; the predecessor did so for each interface.
//
// What is attached is the host end of a container's link where there is one, as
// it was. Packets that another program hands into the container past that end, as
// bpf_redirect_peer does, are not seen there.
//
// Requirements are those of package boathook.
package tchandler
