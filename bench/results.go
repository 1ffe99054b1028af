package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// results are the loads of all rounds, by scenario and server.
type results map[string]map[string][]load

func (r results) add(s scenario, server string, l load) {
	if r[s.name] == nil {
		r[s.name] = map[string][]load{}
	}
	r[s.name][server] = append(r[s.name][server], l)
}

// format prints a load in the scenario's units.
func (s scenario) format(l load) string {
	if s.unit == "" {
		return s.value(l)
	}
	text := fmt.Sprintf("%s %s/s", number(s.rate(l)), s.unit)
	if l.cpu > 0 {
		text += ", " + s.cost(l)
	}
	if l.engines.database > 0 && s.unit != "MiB" {
		text += fmt.Sprintf(" (PostgreSQL %s, S3 %s)", number(l.engines.database.Seconds()*1000/l.units), number(l.engines.bucket.Seconds()*1000/l.units))
	}
	return text
}

// rate is units of work a second.
func (s scenario) rate(l load) float64 { return l.units / l.wall.Seconds() }

// cost is the server's CPU time for a unit.
func (s scenario) cost(l load) string {
	if s.unit == "MiB" {
		return fmt.Sprintf("%s CPU s/GiB", number(l.cpu.Seconds()/l.units*1024))
	}
	return fmt.Sprintf("%s ms CPU", number(l.cpu.Seconds()*1000/l.units))
}

// number prints three significant digits.
func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

// median returns the load that is in the middle by rate or value, and for the
// CPU time the middle one of that.
func (s scenario) median(loads []load) load {
	if len(loads) == 0 {
		return load{}
	}
	byRate := slices.SortedFunc(slices.Values(loads), func(a, b load) int {
		if s.unit == "" {
			return compare(a.value, b.value)
		}
		return compare(s.rate(a), s.rate(b))
	})
	middle := byRate[len(byRate)/2]
	byCost := slices.SortedFunc(slices.Values(loads), func(a, b load) int {
		return compare(a.cpu.Seconds()/a.units, b.cpu.Seconds()/b.units)
	})
	cheap := byCost[len(byCost)/2]
	if s.unit != "" {
		middle.cpu = scale(cheap.cpu, middle.units/cheap.units)
	}
	return middle
}

// print writes a table of the medians in Markdown.
func (r results) print(w io.Writer, contenders []contender) {
	var header, rule strings.Builder
	header.WriteString("| scenario |")
	rule.WriteString("|---|")
	for _, c := range contenders {
		header.WriteString(" " + c.name + " |")
		rule.WriteString("---|")
	}
	fmt.Fprintf(w, "%s\n%s\n", &header, &rule)
	for _, s := range scenarios {
		if r[s.name] == nil {
			continue
		}
		fmt.Fprintf(w, "| %s |", s.name)
		for _, c := range contenders {
			cell := "–"
			if loads := r[s.name][c.name]; len(loads) > 0 {
				cell = s.format(s.median(loads))
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
}
