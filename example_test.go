// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/docker"
	"github.com/boathook/boathook/event"
)

// Attach the program of an object to one veth. It drops every packet, and yet all
// of them arrive: without a Verdict, what it returns is counted, not done.
func Example() {
	spec, err := ebpf.LoadCollectionSpec("testdata/objects/dropall.o")
	if err != nil {
		log.Fatal(err)
	}
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Ingress: "drop_all", Egress: "drop_all"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Add(context.Background(), boathook.Target{ID: "uplink", Interface: "veth0"}); err != nil {
		log.Print(err)
	}
	sendToWeb(3) // datagrams through veth0

	attachments, err := rt.Attachments()
	for _, a := range attachments {
		fmt.Println(a.Host.Name, a.Direction, a.Counters.Packets, a.Counters.Verdicts)
	}
	fmt.Println(err)
	// Output:
	// veth0 ingress 0 map[]
	// veth0 egress 3 map[shot:3]
	// <nil>
}

// Read the events of a program, decoded by the BTF of its object. The target is a
// container's network namespace, so that the direction is the container's.
func ExampleOptions_events() {
	spec, err := ebpf.LoadCollectionSpec("testdata/objects/dropall.o")
	if err != nil {
		log.Fatal(err)
	}
	schema, err := event.Find(spec, "events", "")
	if err != nil {
		log.Fatal(err)
	}
	records := make(chan string, 64)
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Ingress: "drop_all"},
		Events: func(e boathook.Event) { // e.Data is the program's again when this returns
			if schema.Fits(e.Data) {
				v := schema.Value(e.Data) // or AppendJSON, AppendText
				records <- fmt.Sprint(e.Direction, " from ", v["saddr"], " to ", v["daddr"], ": ", v["payload"])
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Add(context.Background(), boathook.Target{ID: "web", NetnsPath: webNetns}); err != nil {
		log.Print(err)
	}
	sendToWeb(1)
	fmt.Println(<-records)
	// Output: ingress from 10.78.0.1 to 10.78.0.2: hello
}

// Follow docker's containers whose names begin with "web", those that start later
// included, until interrupted.
func ExampleRuntime_Follow() { //nolint:testableexamples // needs a docker daemon
	spec, err := ebpf.LoadCollectionSpec("testdata/objects/dropall.o")
	if err != nil {
		log.Fatal(err)
	}
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Ingress: "drop_all", Egress: "drop_all"},
		Notify:  func(n boathook.Notice) { log.Print(n.Target, ": ", n.Err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	source, err := docker.New(docker.Options{})
	if err != nil {
		log.Print(err)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := rt.Follow(ctx, source, container.Selector{Names: []string{"web*"}}); err != nil {
		log.Print(err)
	}
}

// Swap the program under traffic: each packet is seen by the one or the other.
func ExampleRuntime_Replace() {
	drops, err := ebpf.LoadCollectionSpec("testdata/objects/dropall.o")
	if err != nil {
		log.Fatal(err)
	}
	counts, err := ebpf.LoadCollectionSpec("testdata/objects/stats.o")
	if err != nil {
		log.Fatal(err)
	}
	rt, err := boathook.New(boathook.Options{Program: boathook.Program{Spec: drops, Egress: "drop_all"}})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	ctx := context.Background()
	if err := rt.Add(ctx, boathook.Target{ID: "uplink", Interface: "veth0"}); err != nil {
		log.Print(err)
	}
	sendToWeb(2)
	if err := rt.Replace(ctx, boathook.Program{Spec: counts, Egress: "count_packets"}); err != nil {
		log.Print(err) // the old program runs on
	}
	sendToWeb(3)

	totals, err := rt.Totals()
	fmt.Println(totals.Counters.Packets, totals.Counters.Verdicts, err)
	// Output: 5 map[ok:3 shot:2] <nil>
}

// Run a program that is loaded already, by any loader. It and its maps stay the
// caller's.
func ExampleProgram_loaded() {
	coll, err := ebpf.LoadCollection("testdata/objects/stats.o")
	if err != nil {
		log.Fatal(err)
	}
	defer coll.Close()
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Loaded: coll.Programs, Egress: "count_packets"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Add(context.Background(), boathook.Target{ID: "uplink", Interface: "veth0"}); err != nil {
		log.Print(err)
	}
	sendToWeb(4)

	var packets uint64
	var perCPU []struct{ Packets, Bytes uint64 }
	err = coll.Maps["stats_map"].Lookup(uint32(0), &perCPU)
	for _, c := range perCPU {
		packets += c.Packets
	}
	fmt.Println(packets, err)
	// Output: 4 <nil>
}

// List what is on a hook, in the order in which it runs, whoever owns it.
func ExampleHooks() {
	spec, err := ebpf.LoadCollectionSpec("testdata/objects/stats.o")
	if err != nil {
		log.Fatal(err)
	}
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Egress: "count_packets"},
		Backend: boathook.Clsact,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	target := boathook.Target{Interface: "veth0", ID: "uplink"}
	if err := rt.Add(context.Background(), target); err != nil {
		log.Print(err)
	}

	entries, err := boathook.Hooks(context.Background(), target)
	for _, e := range entries {
		fmt.Println(e.Host.Name, e.Direction, e.Position, e.Backend, e.Filter.Kind, e.ProgramName, e.Ours)
	}
	fmt.Println(err)
	// Output:
	// veth0 egress 0 clsact bpf boathook true
	// veth0 egress 1 clsact bpf  false
	// <nil>
}
