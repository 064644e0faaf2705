// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// Addresses of documentation, RFC 5737. Nobody outside the two namespaces
// meets them.
const (
	clientName, clientAddr = "client", "192.0.2.1"
	serverName, serverAddr = "server", "192.0.2.2"
	prefixBits             = 24
	linkName               = "eth0"
)

// network is two network namespaces without names and the veth pair between
// them. It goes when it is closed or the process ends, however it ends.
type network struct{ client, server *netns.NS }

func newNetwork() (_ *network, err error) {
	n := &network{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.client, err = netns.New(); err != nil {
		return nil, err
	}
	if n.server, err = netns.New(); err != nil {
		return nil, err
	}
	if err := addVeth(n.client, n.server); err != nil {
		return nil, fmt.Errorf("make veth pair: %w", err)
	}
	for _, end := range []struct {
		ns   *netns.NS
		addr string
	}{{n.client, clientAddr}, {n.server, serverAddr}} {
		if err := errors.Join(addAddress(end.ns, end.addr), setUp(end.ns)); err != nil {
			return nil, fmt.Errorf("set up %s: %w", end.addr, err)
		}
	}
	return n, nil
}

func (n *network) close() error {
	var errs []error
	for _, ns := range []*netns.NS{n.client, n.server} {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	return errors.Join(errs...)
}

// Name implements container.Source.
func (*network) Name() string { return "demo" }

// Watch implements container.Source: it reports the two namespaces as if each
// were a container.
func (n *network) Watch(ctx context.Context, emit func(container.Event)) error {
	for _, end := range []struct {
		ns   *netns.NS
		name string
	}{{n.client, clientName}, {n.server, serverName}} {
		emit(container.Event{Type: container.Added, Container: container.Container{
			Runtime: n.Name(), ID: end.name, Name: end.name,
			NetnsPath: fmt.Sprintf("/proc/self/fd/%d", end.ns.Fd()),
		}})
	}
	emit(container.Event{Type: container.Synced})
	<-ctx.Done()
	return nil
}
