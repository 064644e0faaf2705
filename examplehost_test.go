// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"errors"
	"net"
	"strings"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// The network namespace of this test binary is its own. In the examples it is
// the host: its link veth0, 10.78.0.1, is the host end of eth0, 10.78.0.2, of a
// container.

// webNetns leads to the network namespace of the examples' container.
var webNetns string

// webServer takes what is sent to the container.
var webServer *net.UDPConn

// prepareExamples makes the host and the container of the examples.
func prepareExamples() error {
	host, err := netns.Self()
	if err != nil {
		return err
	}
	web, err := netns.New()
	if err != nil {
		return err
	}
	webNetns = testutil.Path(web) // which stays open
	for _, step := range []struct {
		ns   *netns.NS
		line string
	}{
		{host, "ip link add name veth0 address 02:78:00:00:00:01 type veth peer name eth0 address 02:78:00:00:00:02 netns " + webNetns},
		// So that only the packets of the examples pass: no neighbour is asked for.
		{host, "ip link set dev veth0 addrgenmode none up"},
		{host, "ip addr add 10.78.0.1/24 dev veth0"},
		{host, "ip neigh add 10.78.0.2 lladdr 02:78:00:00:00:02 dev veth0"},
		{web, "ip link set dev eth0 addrgenmode none up"},
		{web, "ip addr add 10.78.0.2/24 dev eth0"},
		{web, "ip neigh add 10.78.0.1 lladdr 02:78:00:00:00:01 dev eth0"},
		{host, "tc qdisc add dev veth0 clsact"},
	} {
		words := strings.Fields(step.line)
		if _, err := testutil.ExecErr(step.ns, words[0], words[1:]...); err != nil {
			return err
		}
	}
	// A filter of somebody else.
	_, err = testutil.ExecErr(host, "tc", "filter", "add", "dev", "veth0", "egress", "prio", "9", "bpf", "bytecode", "1,6 0 0 0")
	if err != nil {
		return err
	}
	// So that no packet comes back to tell that nobody listens.
	err = web.Do(func() error {
		webServer, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9000})
		return err
	})
	return errors.Join(err, host.Close())
}

// sendToWeb sends datagrams from the host to the examples' container.
func sendToWeb(n int) {
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 78, 0, 2), Port: 9000})
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	for range n {
		if _, err := conn.Write([]byte("hello")); err != nil {
			panic(err)
		}
	}
}
