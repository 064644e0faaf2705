// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"log"

	"github.com/boathook/boathook"
)

// Attach a program to a container's network namespace and see what it has.
func Example() {
	path, done := exampleNetns() // "/run/netns/web", or that of a process
	defer done()

	spec := returning(verdictShot) // ebpf.LoadCollectionSpec("drops.o")
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Ingress: "prog", Egress: "prog"},
		Events:  func(e boathook.Event) { fmt.Printf("%s: %x\n", e.Direction, e.Data) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()

	if err := rt.Add(context.Background(), boathook.Target{ID: "web", NetnsPath: path}); err != nil {
		log.Print(err)
	}
	attachments, err := rt.Attachments()
	for _, a := range attachments {
		fmt.Println(a.Link.Name, a.Direction)
	}
	fmt.Println(err)
	// Output:
	// eth0 ingress
	// eth0 egress
	// <nil>
}
