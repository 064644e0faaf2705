// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/hex"

	"github.com/boathook/boathook/container"
)

// Map returns the record as a tree for expressions, shaped as AppendJSON
// prints it: container.name, link.host, event.qname. What is unknown is not in
// it. Numbers are int64 or uint64, netns and lost among the latter.
func (r *Record) Map() map[string]any {
	m := map[string]any{}
	if !r.Time.IsZero() {
		m["time"] = formatTime(r.Time)
	}
	putText(m, "gadget", r.Gadget)
	r.putContainers(m)
	if r.Netns != 0 {
		m["netns"] = uint64(r.Netns)
	}
	if r.Link != nil {
		m["link"] = r.Link.tree()
	}
	putText(m, "direction", r.Direction)
	if r.Schema == nil {
		m["event"] = map[string]any{"raw": hex.EncodeToString(r.Raw)}
	} else {
		m["event"] = r.Schema.Value(r.Raw)
	}
	if r.Lost > 0 {
		m["lost"] = r.Lost
	}
	return m
}

func (r *Record) putContainers(m map[string]any) {
	switch len(r.Containers) {
	case 0:
		return
	case 1:
		m["container"] = containerTree(r.Containers[0])
	default:
		list := make([]any, len(r.Containers))
		for i, c := range r.Containers {
			list[i] = containerTree(c)
		}
		m["containers"] = list
	}
	if pod := r.pod(); pod != nil {
		tree := map[string]any{}
		putText(tree, "namespace", pod.Namespace)
		putText(tree, "name", pod.Name)
		putText(tree, "uid", pod.UID)
		m["pod"] = tree
	}
}

func containerTree(c *container.Container) map[string]any {
	m := map[string]any{}
	putText(m, "runtime", c.Runtime)
	putText(m, "id", c.ID)
	putText(m, "name", c.Name)
	putText(m, "image", c.Image)
	if len(c.Labels) > 0 {
		labels := make(map[string]any, len(c.Labels))
		for key, value := range c.Labels {
			labels[key] = value
		}
		m["labels"] = labels
	}
	return m
}

func (l *Link) tree() map[string]any {
	m := map[string]any{}
	putText(m, "name", l.Name)
	putNumber(m, "ifindex", l.Ifindex)
	putText(m, "host", l.Host)
	putNumber(m, "host_ifindex", l.HostIfindex)
	return m
}

func putText(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}

func putNumber(m map[string]any, key string, value int) {
	if value != 0 {
		m[key] = int64(value)
	}
}
