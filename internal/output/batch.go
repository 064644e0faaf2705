// SPDX-License-Identifier: Apache-2.0

package output

import (
	"fmt"
	"io"
)

// Batch collects lines and writes them with one call of Write. Not safe for
// concurrent use.
type Batch struct {
	out   io.Writer
	bytes []byte
	ends  []int // of the lines that were ended
}

// NewBatch returns an empty batch for out.
func NewBatch(out io.Writer) *Batch { return &Batch{out: out} }

// Write implements io.Writer. It returns no error.
func (b *Batch) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

// End ends a record: all that was written since the last one.
func (b *Batch) End() { b.ends = append(b.ends, len(b.bytes)) }

// Len is how many bytes wait.
func (b *Batch) Len() int { return len(b.bytes) }

// Records is how many records wait.
func (b *Batch) Records() int { return len(b.ends) }

// Flush writes what was collected and forgets it, also if that goes wrong: then it
// says how many records were written all the same.
func (b *Batch) Flush() (records int, err error) {
	n, records := 0, len(b.ends)
	if len(b.bytes) > 0 {
		n, err = b.out.Write(b.bytes)
	}
	if err != nil {
		err = fmt.Errorf("write records: %w", err)
		for records > 0 && b.ends[records-1] > n {
			records--
		}
	}
	b.bytes, b.ends = b.bytes[:0], b.ends[:0]
	return records, err
}
