// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/tchandler"
)

// A tool on Inspektor Gadget's tchandler, switched: another import, and another way
// to name a container. Here c is what the tool has of one.
func Example() {
	c, prog := exampleContainer(), exampleProgram()
	defer prog.Close()

	handler, err := tchandler.NewHandler(tchandler.AttachmentDirectionIngress)
	if err != nil {
		log.Fatal(err)
	}
	defer handler.Close()
	err = handler.AttachContainer(&tchandler.Container{
		ID:          c.Runtime.ContainerID,
		PID:         int(c.ContainerPid()),
		HostNetwork: c.HostNetwork,
		Name:        c.Runtime.ContainerName,
	})
	if err != nil {
		log.Print(err)
	}
	sendToExample(2) // too early for the program
	if err := handler.AttachProg(prog); err != nil {
		log.Print(err)
	}
	sendToExample(3)

	early, err := handler.PacketsBeforeProg()
	fmt.Println(early, err)
	attachments, err := handler.Runtime().Attachments()
	for _, a := range attachments {
		fmt.Println(a.Link.Name, a.Direction, a.Counters.Packets)
	}
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// eth0 ingress 5
	// <nil>
}

// A tool that put cls_bpf filters on links through netlink, switched. Leave out the
// backend to have TCX where the kernel has it.
func Example_netlinkFilters() {
	ctx, pid, prog := context.Background(), int(exampleContainer().ContainerPid()), exampleProgram()
	defer prog.Close()

	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Loaded: map[string]*ebpf.Program{"count": prog}, Ingress: "count", Egress: "count"},
		Backend: boathook.Clsact,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.Add(ctx,
		boathook.Target{ID: "web", PID: pid},
		boathook.Target{ID: "all veths", Interface: "veth*"},
	)
	if err != nil {
		log.Print(err)
	}

	attachments, err := rt.Attachments()
	for _, a := range attachments {
		fmt.Println(a.Backend, a.Direction, a.Host.Name, a.Targets)
	}
	fmt.Println(err)
	// Unordered output:
	// clsact ingress vethweb [all veths]
	// clsact egress vethweb [all veths]
	// clsact ingress vethweb [web]
	// clsact egress vethweb [web]
	// <nil>
}

// A tool that made TCX links itself, switched, with a place behind the programs of
// others and a new version of its program.
func Example_tcxLinks() {
	ctx, prog, newer := context.Background(), exampleProgram(), exampleProgram()
	defer prog.Close()
	defer newer.Close()
	iface, err := net.InterfaceByName("vethweb")
	if err != nil {
		log.Print(err)
		return
	}

	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Loaded: map[string]*ebpf.Program{"count": prog}, Ingress: "count"},
		Verdict: boathook.Enforce,
		Order:   boathook.Order{Position: boathook.Last},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Add(ctx, boathook.Target{ID: "uplink", Interface: iface.Name, Ifindex: iface.Index}); err != nil {
		log.Print(err)
	}
	err = rt.Replace(ctx, boathook.Program{Loaded: map[string]*ebpf.Program{"count": newer}, Ingress: "count"})
	if err != nil {
		log.Print(err)
	}

	attachments, err := rt.Attachments()
	for _, a := range attachments {
		fmt.Println(a.Direction, a.Host.Name)
	}
	fmt.Println(err)
	// Output:
	// ingress vethweb
	// <nil>
}
