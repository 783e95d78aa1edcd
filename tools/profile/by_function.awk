# Reads two sorted lists of symbols ("ADDRESS TYPE NAME") and of pieces of code that ran ("ADDRESS z INSTRUCTIONS TIMES"). Prints, for each
# function, how many instructions and entries the second list has more than the first, per operation. Addresses are compared as text.
FNR == 1 { list++; symbol = ""; start = "" }
$2 == "z" {
	if (symbol == "")
		next
	change = list == 1 ? -1 : 1
	instructions[symbol] += change * $3 * $4
	if ($1 == start)
		entries[symbol] += change * $4
	next
}
NF >= 3 && $2 ~ /^[tTwW]$/ { symbol = $3 (NF > 3 ? " " $4 : ""); start = $1 }
END {
	for (symbol in instructions) {
		if (instructions[symbol] > 0)
			printf "%.3f %.3f %s\n", instructions[symbol] / operations, entries[symbol] / operations, symbol
	}
}
