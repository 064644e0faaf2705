// SPDX-License-Identifier: Apache-2.0

package event

import (
	"slices"
	"strconv"
	"time"

	"github.com/boathook/boathook/container"
)

// Link is the interface that a record belongs to, as the container and as the
// host see it. The zero value of each field means unknown.
type Link struct {
	Name        string // inside the container
	Ifindex     int
	Host        string // the name of the host's end
	HostIfindex int
}

// Record is one event with everything that is known about where it came from.
// What is unknown has the zero value and is left out of the output.
//
// A record is not safe for concurrent use while somebody changes it. Raw is
// not copied: it belongs to whoever filled the record in.
type Record struct {
	// Time is the event's own moment, or that of reading it.
	Time time.Time
	// Gadget is the name of what ran: a built-in gadget or the object's name.
	Gadget string
	// Containers are those that the record may belong to: several if they
	// share a network namespace.
	Containers []*container.Container
	// Netns is the inode of the network namespace.
	Netns uint32
	Link  *Link
	// Direction is "ingress" or "egress" in the container's view.
	Direction string
	// Origin saves work: if not nil it is what AppendOrigin made of the fields above, for
	// who prints many records of one origin as JSON. It belongs to whoever filled it in.
	Origin []byte
	// Schema reads Raw; nil shows it as hex.
	Schema *Schema
	Raw    []byte
	// Lost counts the events of the attachment lost since the record before.
	Lost uint64
}

// AppendJSON appends the record as one JSON object without a newline. It
// allocates nothing but what dst needs to grow, for containers of up to 32
// labels.
func (r *Record) AppendJSON(dst []byte) []byte {
	start := len(dst)
	if !r.Time.IsZero() {
		dst = append(dst, `,"time":"`...)
		dst = append(r.appendTime(dst), '"')
	}
	if r.Origin != nil {
		dst = append(dst, r.Origin...)
	} else {
		dst = r.AppendOrigin(dst)
	}
	dst = append(dst, `,"event":`...)
	if r.Schema == nil {
		dst = appendRaw(dst, r.Raw)
	} else {
		dst = r.Schema.AppendJSON(dst, r.Raw)
	}
	if r.Lost > 0 {
		dst = appendUint(append(dst, `,"lost":`...), r.Lost)
	}
	dst[start] = '{'
	return append(dst, '}')
}

func (r *Record) appendTime(dst []byte) []byte {
	if r.Schema == nil {
		return appendTime(dst, r.Time)
	}
	return r.Schema.clock.written.append(dst, r.Time)
}

// AppendOrigin appends the fields between time and event as AppendJSON prints them,
// each behind a comma: where the record came from. See [Record.Origin].
func (r *Record) AppendOrigin(dst []byte) []byte {
	dst = appendTextField(dst, `,"gadget":`, r.Gadget)
	dst = r.appendContainers(dst)
	if r.Netns != 0 {
		dst = strconv.AppendUint(append(dst, `,"netns":`...), uint64(r.Netns), 10)
	}
	if r.Link != nil {
		dst = r.Link.appendJSON(append(dst, `,"link":`...))
	}
	return appendTextField(dst, `,"direction":`, r.Direction)
}

func (r *Record) appendContainers(dst []byte) []byte {
	switch len(r.Containers) {
	case 0:
		return dst
	case 1:
		dst = appendContainer(append(dst, `,"container":`...), r.Containers[0])
	default:
		dst = append(dst, `,"containers":`...)
		for i, c := range r.Containers {
			dst = append(dst, "[,"[min(i, 1)])
			dst = appendContainer(dst, c)
		}
		dst = append(dst, ']')
	}
	if pod := r.pod(); pod != nil {
		dst = appendPod(append(dst, `,"pod":`...), pod)
	}
	return dst
}

// pod is the one that all containers of a network namespace have in common.
func (r *Record) pod() *container.Pod {
	for _, c := range r.Containers {
		if c.Pod != nil {
			return c.Pod
		}
	}
	return nil
}

func appendContainer(dst []byte, c *container.Container) []byte {
	start := len(dst)
	dst = appendTextField(dst, `,"runtime":`, c.Runtime)
	dst = appendTextField(dst, `,"id":`, c.ID)
	dst = appendTextField(dst, `,"name":`, c.Name)
	dst = appendTextField(dst, `,"image":`, c.Image)
	if len(c.Labels) > 0 {
		dst = appendLabels(append(dst, `,"labels":`...), c.Labels)
	}
	return closeObject(dst, start)
}

// appendLabels appends the labels sorted, so that equal records are equal text.
func appendLabels(dst []byte, labels map[string]string) []byte {
	var space [32]string
	keys := space[:0]
	for key := range labels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	start := len(dst)
	for _, key := range keys {
		dst = append(appendString(append(dst, ','), key), ':')
		dst = appendString(dst, labels[key])
	}
	return closeObject(dst, start)
}

func appendPod(dst []byte, p *container.Pod) []byte {
	start := len(dst)
	dst = appendTextField(dst, `,"namespace":`, p.Namespace)
	dst = appendTextField(dst, `,"name":`, p.Name)
	dst = appendTextField(dst, `,"uid":`, p.UID)
	return closeObject(dst, start)
}

func (l *Link) appendJSON(dst []byte) []byte {
	start := len(dst)
	dst = appendTextField(dst, `,"name":`, l.Name)
	dst = appendNumberField(dst, `,"ifindex":`, l.Ifindex)
	dst = appendTextField(dst, `,"host":`, l.Host)
	dst = appendNumberField(dst, `,"host_ifindex":`, l.HostIfindex)
	return closeObject(dst, start)
}

// closeObject makes an object of the fields that were appended after start,
// each with a comma before it.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// appendTextField appends nothing for an unknown value. key is a JSON key with
// a comma before and a colon after it.
func appendTextField(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendString(append(dst, key...), value)
}

func appendNumberField(dst []byte, key string, value int) []byte {
	if value == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), int64(value), 10)
}
