// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"errors"
	"io"
	"net"
	"os/exec"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// theirs is a container as the predecessor's collection describes it.
type theirs struct {
	Runtime     struct{ ContainerID, ContainerName string }
	HostNetwork bool
	pid         uint32
}

// ContainerPid is a process of the container.
func (c theirs) ContainerPid() uint32 { return c.pid }

var (
	// exampleWeb is the container that examples attach to.
	exampleWeb theirs
	// exampleStdin is its process's standard input, which ends with the test binary,
	// and the process with it.
	exampleStdin io.Closer
)

func exampleContainer() theirs { return exampleWeb }

// prepareExamples makes a process with a network of its own, eth0 to vethweb on
// the host, which is the test binary's own.
func prepareExamples() error {
	self, err := netns.Self()
	if err != nil {
		return err
	}
	inside, err := netns.New()
	if err != nil {
		return errors.Join(err, self.Close())
	}
	for _, args := range [][]string{
		{"link", "add", "name", "vethweb", "type", "veth", "peer", "name", "eth0", "netns", testutil.Path(inside)},
		{"link", "set", "vethweb", "addrgenmode", "none", "up"},
		{"addr", "add", "192.0.2.1/24", "dev", "vethweb"},
		{"neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "vethweb"},
	} {
		if _, err := testutil.ExecErr(self, "ip", args...); err != nil {
			return err
		}
	}
	if _, err := testutil.ExecErr(inside, "ip", "link", "set", "eth0", "addrgenmode", "none", "up"); err != nil {
		return err
	}
	cmd := exec.Command("cat") //nolint:noctx // ends with its standard input
	if exampleStdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := inside.Do(cmd.Start); err != nil {
		return err
	}
	exampleWeb.Runtime.ContainerID, exampleWeb.Runtime.ContainerName = "4f2a", "web"
	exampleWeb.pid = uint32(cmd.Process.Pid)
	return errors.Join(inside.Close(), self.Close())
}

// exampleProgram is a program as a tool has loaded it.
func exampleProgram() *ebpf.Program {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "count", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdictUnspec), asm.Return()},
	})
	if err != nil {
		panic(err)
	}
	return prog
}

// sendToExample sends n packets into the container.
func sendToExample(n int) {
	conn, err := net.Dial("udp4", "192.0.2.2:9") //nolint:noctx // never blocks
	if err != nil {
		panic(err)
	}
	for range n {
		if _, err := conn.Write([]byte("hello")); err != nil {
			panic(err)
		}
	}
	_ = conn.Close() // all is sent
}
