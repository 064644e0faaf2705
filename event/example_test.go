// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/event"
)

func ExampleFind() {
	spec, err := ebpf.LoadCollectionSpec("testdata/kinds.o")
	if err != nil {
		fmt.Println(err)
		return
	}
	schema, err := event.Find(spec, "events", "flexible")
	if err != nil {
		fmt.Println(err)
		return
	}
	raw := []byte{3, 0, 0, 0, 'a', 'b', 'c'} // as a ring buffer of a little-endian machine hands it over
	fmt.Printf("%s\n", schema.AppendJSON(nil, raw))
	// Output: {"length":3,"payload":"616263"}
}
