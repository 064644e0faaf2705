// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/docker"
)

// Follow every docker container whose name begins with web until interrupted.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	spec, err := ebpf.LoadCollectionSpec("drops.o")
	if err != nil {
		fmt.Println(err)
		return
	}
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: spec, Ingress: "drops", Egress: "drops"},
		Events:  func(e boathook.Event) { fmt.Printf("%s %x\n", e.Direction, e.Data) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close()
	source, err := docker.New(docker.Options{})
	if err == nil {
		err = rt.Follow(ctx, source, container.Selector{Names: []string{"web*"}})
	}
	fmt.Println(err)
}
