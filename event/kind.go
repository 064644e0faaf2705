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

// textWidth is how many characters most values of n need.
func (n *node) textWidth() int {
	switch n.kind {
	case Timestamp:
		return len("2006-01-02T15:04:05.000000000Z")
	case MAC:
		return len("00:00:5e:00:53:00")
	case Addr:
		if n.size == 16 && n.family == nil {
			return len("2001:db8:1234:5678::1234")
		}
		return len("192.168.100.100")
	case Text:
		return min(n.size, 32)
	case Bytes:
		return min(2*n.size, 32)
	case Bool:
		return len("false")
	case Pointer:
		return len("0xffff888012345678")
	case Duration, Float, Enum:
		return 10
	case Array, structure:
		return 24
	case Int, Uint:
		return min(n.width()*3/10+1, 12)
	}
	return 0
}

func (n *node) alignsRight() bool {
	return n.kind == Int || n.kind == Uint || n.kind == Float || n.kind == Duration
}
