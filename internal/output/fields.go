// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/boathook/boathook/event"
)

// UnknownFieldError tells that a name the user gave means no part of a record.
type UnknownFieldError struct {
	Name string
	// Known are all names that would have meant something.
	Known []string
}

func (e *UnknownFieldError) Error() string {
	return fmt.Sprintf("unknown field %q (known: %s)", e.Name, strings.Join(e.Known, ", "))
}

// Field is one part of a record, by its path in the JSON.
type Field struct {
	Name string
	Kind event.Kind
}

// labelPrefix begins the name of a label's field; the rest is the label's key,
// dots and all.
const labelPrefix = "container.labels."

// contextFields are what every record may have, whatever the program wrote.
func contextFields() []Field {
	return []Field{
		{"time", event.Timestamp},
		{"gadget", event.Text},
		{"container.runtime", event.Text},
		{"container.id", event.Text},
		{"container.name", event.Text},
		{"container.image", event.Text},
		{"container.labels", event.Text},
		{"pod.namespace", event.Text},
		{"pod.name", event.Text},
		{"pod.uid", event.Text},
		{"netns", event.Uint},
		{"link.name", event.Text},
		{"link.ifindex", event.Int},
		{"link.host", event.Text},
		{"link.host_ifindex", event.Int},
		{"direction", event.Text},
		{"lost", event.Uint},
	}
}

// KnownFields lists the parts of records whose events have one of the schemas,
// in the order of the JSON. Without a schema the event is raw hex.
func KnownFields(schemas ...*event.Schema) []Field {
	fields := contextFields()
	return append(fields, eventFields(schemas)...)
}

// eventFields lists the fields of all schemas, each once.
func eventFields(schemas []*event.Schema) []Field {
	if len(schemas) == 0 {
		return []Field{{"event.raw", event.Bytes}}
	}
	var fields []Field
	seen := map[string]bool{}
	for _, schema := range schemas {
		for _, column := range schema.Columns() {
			name := "event." + column.Name
			if !seen[name] {
				seen[name] = true
				fields = append(fields, Field{name, column.Kind})
			}
		}
	}
	return fields
}

// Fields are the parts of records that a user asked for, in the user's order.
// They do not change and are safe for concurrent use.
type Fields struct {
	asked  []string // as written: "container", "event.port"
	leaves []string // expanded: "container.name", ..., "event.port"
}

// ParseFields reads a list of names separated by commas. A name is that of a
// leaf ("event.port"), of all labels or one ("container.labels.app"), or of
// everything below a path ("link").
//
// Returns an [UnknownFieldError] for a name that means nothing.
func ParseFields(list string, schemas ...*event.Schema) (*Fields, error) {
	known := KnownFields(schemas...)
	fields := &Fields{}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, errors.New("read list of fields: a name is missing beside a comma")
		}
		leaves := expand(name, known)
		if len(leaves) == 0 {
			return nil, &UnknownFieldError{Name: name, Known: names(known)}
		}
		fields.asked = append(fields.asked, name)
		fields.leaves = append(fields.leaves, leaves...)
	}
	return fields, nil
}

func expand(name string, known []Field) []string {
	if len(name) > len(labelPrefix) && strings.HasPrefix(name, labelPrefix) {
		return []string{name}
	}
	var leaves []string
	for _, field := range known {
		if field.Name == name || strings.HasPrefix(field.Name, name+".") {
			leaves = append(leaves, field.Name)
		}
	}
	return leaves
}

func names(fields []Field) []string {
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = field.Name
	}
	return list
}

// pick returns of a record in JSON what was asked for, with the keys of each
// object sorted. Asking for "container" also gives "containers".
func (f *Fields) pick(record []byte) ([]byte, error) {
	var whole map[string]any
	// No number is beyond 2^53, so none is rounded on the way.
	if err := json.Unmarshal(record, &whole); err != nil {
		return nil, err
	}
	picked := map[string]any{}
	for _, name := range f.asked {
		copyPath(picked, whole, splitPath(name))
		if rest, ok := strings.CutPrefix(name, "container"); ok {
			pickShared(picked, whole, splitPath("container" + rest)[1:])
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(picked); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), nil
}

// pickShared copies a path below each of the containers that share a netns.
func pickShared(dst, src map[string]any, path []string) {
	list, ok := src["containers"].([]any)
	if !ok {
		return
	}
	picked, ok := dst["containers"].([]any)
	if !ok {
		picked = make([]any, len(list))
		for i := range picked {
			picked[i] = map[string]any{}
		}
		dst["containers"] = picked
	}
	for i, element := range list {
		from, isObject := element.(map[string]any)
		to, isPicked := picked[i].(map[string]any)
		switch {
		case !isObject || !isPicked:
		case len(path) == 0:
			picked[i] = from
		default:
			copyPath(to, from, path)
		}
	}
}

// copyPath copies what is at path in src to the same place in dst.
func copyPath(dst, src map[string]any, path []string) {
	value, ok := src[path[0]]
	if !ok {
		return
	}
	if len(path) == 1 {
		dst[path[0]] = value
		return
	}
	below, ok := value.(map[string]any)
	if !ok {
		return
	}
	next, ok := dst[path[0]].(map[string]any)
	if !ok {
		next = map[string]any{}
		dst[path[0]] = next
	}
	copyPath(next, below, path[1:])
}

// splitPath keeps the key of a label whole.
func splitPath(name string) []string {
	if key, ok := strings.CutPrefix(name, labelPrefix); ok {
		return []string{"container", "labels", key}
	}
	return strings.Split(name, ".")
}
