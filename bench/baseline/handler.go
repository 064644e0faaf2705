// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	"github.com/florianl/go-tc"
)

// Handler puts one program on containers, in one direction. Not safe for
// concurrent use; its methods must run on one thread, in the host's network
// namespace.
type Handler struct {
	slot  *ebpf.Map // one entry: the program (lines 121 to 134)
	hooks hooks     // with one socket for each handler (lines 88 to 113)
	// attachments by the path of the container's network namespace.
	attachments map[string][]*attachment
	times       Times
}

// attachment is one dispatcher on one interface.
type attachment struct {
	dispatcher *dispatcherObjects
	filter     tc.Object
}

// NewHandler makes the map that the dispatchers call through and opens a netlink
// socket. The caller must Close the handler.
func NewHandler(direction Direction) (*Handler, error) {
	spec, err := loadDispatcher()
	if err != nil {
		return nil, fmt.Errorf("read dispatcher: %w", err)
	}
	slot, err := ebpf.NewMap(spec.Maps["slot"])
	if err != nil {
		return nil, fmt.Errorf("make slot: %w", err)
	}
	conn, err := tc.Open(&tc.Config{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open rtnetlink: %w", err), slot.Close())
	}
	return &Handler{slot: slot, hooks: hooks{conn, direction}, attachments: map[string][]*attachment{}}, nil
}

// AttachProg makes prog what all dispatchers call (lines 132 to 134).
func (h *Handler) AttachProg(prog *ebpf.Program) error {
	return h.slot.Put(uint32(0), uint32(prog.FD()))
}

// AttachContainer attaches to the host ends of all links of the container whose
// network namespace this is, one after the other (lines 187 to 238).
func (h *Handler) AttachContainer(netns string) error {
	watch := start()
	inode, err := inodeOf(netns)
	if err != nil {
		return err
	}
	watch.lap(&h.times.Netns)
	indexes, err := peers(netns)
	if err != nil {
		return err
	}
	watch.lap(&h.times.Peers)
	var links []*net.Interface
	for _, index := range indexes {
		link, err := net.InterfaceByIndex(index) //nolint:forbidigo // that it dumps every link of the host is what is measured
		if err != nil {
			return fmt.Errorf("find interface %d: %w", index, err)
		}
		links = append(links, link)
	}
	watch.lap(&h.times.Lookup)
	for _, link := range links {
		if err := h.attach(netns, inode, link.Index); err != nil {
			return fmt.Errorf("attach to %s: %w", link.Name, err)
		}
	}
	return nil
}

func (h *Handler) attach(netns string, inode uint32, index int) error {
	objs, err := h.load(inode)
	if err != nil {
		return err
	}
	a := &attachment{dispatcher: objs}
	watch := start()
	if err = h.hooks.addQdisc(index); err == nil {
		watch.lap(&h.times.Qdisc)
		a.filter, err = h.hooks.addFilter(index, objs.Baseline)
		watch.lap(&h.times.Filter)
	}
	if err != nil {
		return errors.Join(err, objs.Close())
	}
	h.attachments[netns] = append(h.attachments[netns], a)
	return nil
}

// load makes one more dispatcher, for one network namespace.
func (h *Handler) load(inode uint32) (*dispatcherObjects, error) {
	watch := start()
	spec, err := loadDispatcher()
	if err != nil {
		return nil, fmt.Errorf("read dispatcher: %w", err)
	}
	if err := spec.Variables["netns"].Set(inode); err != nil {
		return nil, fmt.Errorf("set constant: %w", err)
	}
	watch.lap(&h.times.Parse)
	objs := &dispatcherObjects{}
	err = spec.LoadAndAssign(objs, &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"slot": h.slot}})
	if err != nil {
		return nil, fmt.Errorf("load dispatcher: %w", err)
	}
	watch.lap(&h.times.Load)
	return objs, nil
}

// Dispatcher loads one that is attached to nothing, to be measured alone. The
// caller must close it.
func (h *Handler) Dispatcher() (*ebpf.Program, error) {
	objs, err := h.load(1)
	if err != nil {
		return nil, err
	}
	prog, err := objs.Baseline.Clone()
	return prog, errors.Join(err, objs.Close())
}

// DetachContainer removes the container's filters and dispatchers; the qdiscs
// stay (lines 244 to 264).
func (h *Handler) DetachContainer(netns string) error {
	var errs []error
	for _, a := range h.attachments[netns] {
		errs = append(errs, h.detach(a))
	}
	delete(h.attachments, netns)
	return errors.Join(errs...)
}

// detach deletes the filter and frees the dispatcher (lines 60 to 65).
func (h *Handler) detach(a *attachment) error {
	return errors.Join(h.hooks.conn.Filter().Delete(&a.filter), a.dispatcher.Close())
}

// Times is how long the steps of all attachments took so far.
func (h *Handler) Times() Times { return h.times }

// Close removes all filters, one after the other, and frees everything but the
// qdiscs (lines 294 to 304).
func (h *Handler) Close() error {
	var errs []error
	for netns := range h.attachments {
		errs = append(errs, h.DetachContainer(netns))
	}
	return errors.Join(append(errs, h.hooks.conn.Close(), h.slot.Close())...)
}
