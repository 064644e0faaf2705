// SPDX-License-Identifier: Apache-2.0

package output

import "strconv"

// maxExact is the largest integer up to which every JSON reader is exact:
// many read numbers as doubles.
const maxExact = 1 << 53

// Number is a count. In JSON it is a number up to 2^53 and a string beyond,
// as the integers of records are.
type Number uint64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	text := strconv.AppendUint(nil, uint64(n), 10)
	if n > maxExact {
		text = append(append([]byte{'"'}, text...), '"')
	}
	return text, nil
}
