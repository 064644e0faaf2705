// SPDX-License-Identifier: Apache-2.0

package object

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/fault"
)

// MapSet puts an entry into a map before it is loaded: "MAP:KEY=VALUE".
func (o *Object) MapSet(text string) error {
	name, rest, ok := strings.Cut(text, ":")
	keyText, valueText, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 {
		return fault.Usage("--map-set MAP:KEY=VALUE; maps: "+or(o.fillable(), "none"), "--map-set %s is not of the form MAP:KEY=VALUE", text)
	}
	m := o.Spec.Maps[name]
	switch {
	case m == nil || strings.HasPrefix(name, "."):
		return fault.Usage("maps: "+or(o.fillable(), "none"), "no map %q in %s", name, o.Path)
	case m.Type == ebpf.ProgramArray:
		return fault.Usage("--tail "+name+"[N]=PROGRAM", "map %s holds programs", name)
	case !isFillable(m.Type):
		return fault.Usage("maps: "+or(o.fillable(), "none"), "map %s (%s) has no entries to set", name, m.Type)
	}
	hint := fmt.Sprintf("%s has keys of type %s and values of type %s", name, typeName(m.Key, m.KeySize), typeName(m.Value, m.ValueSize))
	key, err := encodeKey(m, keyText)
	if err != nil {
		return fault.Usage(hint, "--map-set %s: key: %w", text, err)
	}
	value, err := encode(m.Value, m.ValueSize, valueText)
	if err != nil {
		return fault.Usage(hint, "--map-set %s: value: %w", text, err)
	}
	values, err := perCPU(m, value)
	if err != nil {
		return fault.Failure("", "--map-set %s: %w", text, err)
	}
	m.Contents = append(m.Contents, ebpf.MapKV{Key: key, Value: values})
	return nil
}

// fillable lists the maps that take entries.
func (o *Object) fillable() []string {
	var names []string
	for _, name := range sortedKeys(o.Spec.Maps) {
		if !strings.HasPrefix(name, ".") && isFillable(o.Spec.Maps[name].Type) {
			names = append(names, name)
		}
	}
	return names
}

// isFillable says whether a map has keys and values that are plain bytes.
func isFillable(kind ebpf.MapType) bool {
	switch kind {
	case ebpf.Hash, ebpf.Array, ebpf.LRUHash, ebpf.LPMTrie:
		return true
	default:
		return isPerCPU(kind)
	}
}

func isPerCPU(kind ebpf.MapType) bool {
	return kind == ebpf.PerCPUArray || kind == ebpf.PerCPUHash || kind == ebpf.LRUCPUHash
}

// encodeKey is encode that takes prefixes, "10.0.0.0/8", for tries, and knows how
// long arrays are.
func encodeKey(m *ebpf.MapSpec, text string) ([]byte, error) {
	if prefix, ok := parsePrefix(text); ok && m.Type == ebpf.LPMTrie {
		addr := prefix.Masked().Addr().AsSlice()
		if uint32(len(addr)+4) != m.KeySize {
			return nil, fmt.Errorf("a prefix of %d bytes is wanted", m.KeySize-4)
		}
		return append(binary.NativeEndian.AppendUint32(nil, uint32(prefix.Bits())), addr...), nil
	}
	key, err := encode(m.Key, m.KeySize, text)
	if err != nil || m.Type != ebpf.Array && m.Type != ebpf.PerCPUArray {
		return key, err
	}
	if len(key) == 4 && binary.NativeEndian.Uint32(key) >= m.MaxEntries {
		return nil, fmt.Errorf("%s is not below %d, the number of entries", text, m.MaxEntries)
	}
	return key, nil
}

// perCPU repeats a value for every CPU where the map wants that.
func perCPU(m *ebpf.MapSpec, value []byte) (any, error) {
	if !isPerCPU(m.Type) {
		return value, nil
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count the CPUs: %w", err)
	}
	values := make([][]byte, cpus)
	for i := range values {
		values[i] = value
	}
	return values, nil
}
