// SPDX-License-Identifier: Apache-2.0

package event

import "fmt"

// Kind says how the value of a column is read and shown.
type Kind uint8

// The kinds of values. JSON shows integers as numbers, or as strings where
// they exceed 2^53 and many readers would round them.
const (
	Int       Kind = iota // a signed integer
	Uint                  // an unsigned integer
	Bool                  // true or false
	Float                 // a floating point number
	Enum                  // a number with a name: enums, protocols, EtherTypes, errno values, signals
	Text                  // characters up to the first NUL
	Bytes                 // bytes in hex
	Addr                  // an IPv4 or IPv6 address
	MAC                   // a MAC address
	Timestamp             // a moment: RFC 3339 with nanoseconds in UTC, null where the program left it 0
	Duration              // nanoseconds: a number in JSON, with a unit in text
	Pointer               // an address in memory, in hex
	Array                 // several values of one type
	structure             // fields; never a column of its own
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	names := [...]string{
		"int", "uint", "bool", "float", "enum", "text", "bytes", "addr", "mac",
		"timestamp", "duration", "pointer", "array", "struct",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// Column is one leaf of a record.
type Column struct {
	// Name is the path of the field, with a dot between the levels: "src.addr".
	Name string
	// Kind is how the value is shown.
	Kind Kind
	// Width is how many characters most values of the column need. It is a
	// hint: values may be longer.
	Width int
	// Right is true where values line up at the right, as numbers do.
	Right bool
}
