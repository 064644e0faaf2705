// SPDX-License-Identifier: Apache-2.0

package container

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Operator is how a [Requirement] compares.
type Operator uint8

const (
	// In holds if the label is there with one of the values: "a=b", "a in (b,c)".
	In Operator = iota + 1
	// NotIn holds if the label is not there or has another value: "a!=b",
	// "a notin (b,c)".
	NotIn
	// Exists holds if the label is there: "a".
	Exists
	// NotExists holds if the label is not there: "!a".
	NotExists
)

// Requirement is one condition of a label selector.
type Requirement struct {
	Key      string
	Operator Operator
	// Values belong to In and NotIn.
	Values []string
}

// Matches reports whether labels meet the requirement.
func (r Requirement) Matches(labels map[string]string) bool {
	value, ok := labels[r.Key]
	switch r.Operator {
	case In:
		return ok && slices.Contains(r.Values, value)
	case NotIn:
		return !ok || !slices.Contains(r.Values, value)
	case Exists:
		return ok
	case NotExists:
		return !ok
	}
	return false
}

// parseRequirements parses a label selector; an empty one has no requirement.
func parseRequirements(text string) ([]Requirement, error) {
	p := labelParser{tokens: labelTokens(text)}
	if p.peek() == "" {
		return nil, nil
	}
	var reqs []Requirement
	for {
		r, err := p.requirement()
		if err != nil {
			return nil, err
		}
		reqs = append(reqs, r)
		switch next := p.next(); next {
		case "":
			return reqs, nil
		case ",":
		default:
			return nil, fmt.Errorf("found %q, expected a comma or the end", next)
		}
	}
}

// labelParser walks over the tokens of a selector; "" is the end.
type labelParser struct {
	tokens []string
}

func (p *labelParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *labelParser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

func (p *labelParser) requirement() (Requirement, error) {
	if p.peek() == "!" {
		p.next()
		key, err := p.key()
		return Requirement{Key: key, Operator: NotExists}, err
	}
	key, err := p.key()
	if err != nil {
		return Requirement{}, err
	}
	switch p.peek() {
	case "", ",":
		return Requirement{Key: key, Operator: Exists}, nil
	case "=", "==":
		p.next()
		return Requirement{Key: key, Operator: In, Values: []string{p.value()}}, nil
	case "!=":
		p.next()
		return Requirement{Key: key, Operator: NotIn, Values: []string{p.value()}}, nil
	case "in":
		p.next()
		return p.set(Requirement{Key: key, Operator: In})
	case "notin":
		p.next()
		return p.set(Requirement{Key: key, Operator: NotIn})
	}
	return Requirement{}, fmt.Errorf("found %q after %q, expected =, ==, !=, in, notin or a comma", p.peek(), key)
}

func (p *labelParser) key() (string, error) {
	token := p.next()
	if token == "" {
		return "", errors.New("expected a label's key at the end")
	}
	if isLabelPunctuation(token) {
		return "", fmt.Errorf("found %q, expected a label's key", token)
	}
	return token, nil
}

// value returns the word that comes next, or the empty value.
func (p *labelParser) value() string {
	if isLabelPunctuation(p.peek()) {
		return ""
	}
	return p.next()
}

// set parses "(x,y)" into the values of r.
func (p *labelParser) set(r Requirement) (Requirement, error) {
	if token := p.next(); token != "(" {
		return Requirement{}, fmt.Errorf("found %q, expected ( and the values of %q", token, r.Key)
	}
	if p.peek() == ")" {
		return Requirement{}, fmt.Errorf("expected at least one value of %q between ( and )", r.Key)
	}
	for {
		r.Values = append(r.Values, p.value())
		switch token := p.next(); token {
		case ")":
			return r, nil
		case ",":
		default:
			return Requirement{}, fmt.Errorf("found %q, expected a comma or ) after the values of %q", token, r.Key)
		}
	}
}

// labelTokens splits text into words and punctuation.
func labelTokens(text string) []string {
	const punctuation = "!=(),"
	const space = " \t\r\n"
	var tokens []string
	for text = strings.TrimLeft(text, space); text != ""; text = strings.TrimLeft(text, space) {
		n := strings.IndexAny(text, punctuation+space)
		switch {
		case n < 0:
			n = len(text)
		case n == 0 && (strings.HasPrefix(text, "==") || strings.HasPrefix(text, "!=")):
			n = 2
		case n == 0:
			n = 1
		}
		tokens = append(tokens, text[:n])
		text = text[n:]
	}
	return tokens
}

func isLabelPunctuation(token string) bool {
	switch token {
	case "!", "!=", "=", "==", "(", ")", ",":
		return true
	}
	return false
}
