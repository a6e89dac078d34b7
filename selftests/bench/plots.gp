# SPDX-License-Identifier: GPL-2.0
# The plots of the data that report wrote into the current directory.

set terminal svg size 860,480 font "sans-serif,13" background "white"
set datafile separator tab
set style fill solid 0.8 border -1
set boxwidth 0.8
set grid ytics
set key outside top center horizontal
set yrange [0:*]
set bmargin 4
blue = "#4477aa"; red = "#ee6677"; green = "#228833"; grey = "#bbbbbb"
yellow = "#ccbb44"; cyan = "#66ccee"

set output "trigger.svg"
set title "From the signal of an eventfd to the IRR"
set ylabel "instructions"
set style data histograms
set style histogram rowstacked
plot "trigger.dat" using 2:xtic(1) title "eventfd" linecolor rgb grey, \
     "" using 3 title "KVM's delivery" linecolor rgb blue, \
     "" using 4 title "rest" linecolor rgb red

set style histogram clustered gap 1
set output "access.svg"
set title "A guest's accesses"
set xtics rotate by -20
set bmargin 7
plot "access.dat" using 2:xtic(1) title "exit and ioctl" linecolor rgb grey, \
     "" using 3 title "in-kernel" linecolor rgb blue, \
     "" using 4 title "in-kernel and read-only pages" linecolor rgb green, \
     "" using 5 title "QEMU" linecolor rgb yellow, \
     "" using 7 title "QEMU, irqfd" linecolor rgb red, \
     "" using 8 title "QEMU with the module" linecolor rgb cyan
set xtics norotate
set bmargin 4

set output "life.svg"
set title "A vector's part"
plot "life.dat" using 2:xtic(1) title "of 2,048" linecolor rgb grey, \
     "" using 3 title "of 131,072 in one VM" linecolor rgb blue

set output "scale.svg"
set title "A trigger, threads with vectors of their own: median, least, most"
set ylabel "ns"
set style histogram errorbars gap 2 linewidth 1
plot "scale.dat" using 2:3:4:xtic(1) title "module" linecolor rgb blue, \
     "" using 5:6:7 title "irqfd" linecolor rgb grey

set output "worst.svg"
set title "Longest call that a guest caused, log scale"
set ylabel "instructions"
set style histogram clustered gap 1
set logscale y
set yrange [10:*]
set xtics rotate by -20
set bmargin 6
plot "worst.dat" using 2:xtic(1) title "one target" linecolor rgb blue, \
     "" using 3 title "64 targets by one logical ID" linecolor rgb red
set xtics norotate
set bmargin 4

set output "update.svg"
set title "One vector's message changes, log scales"
set xlabel "vectors in the VM"
set logscale x
set xrange [0.8:6000]
set yrange [500:*]
plot "update.dat" using 1:4 with linespoints linewidth 2 linecolor rgb red \
		title "KVM\\_SET\\_GSI\\_ROUTING", \
     "" using 1:2 with linespoints linewidth 2 linecolor rgb blue \
		title "module, five writes", \
     "" using 1:3 with linespoints linewidth 2 linecolor rgb green \
		title "module, one write"

set output "attach.svg"
set title "An attach of n eventfds of one VM, log scales"
set xlabel "eventfds in the VM"
set xrange [50:5200]
set yrange [1000:50000]
plot "attach.dat" using 1:3 with linespoints linewidth 2 linecolor rgb red \
		title "KVM\\_IRQFD", \
     "" using 1:2 with linespoints linewidth 2 linecolor rgb blue \
		title "module"
unset logscale
unset xlabel

set output "ratio.svg"
set title "Ratios of times in one run: median, quartiles, least and most (up to 3)"
set ylabel "ratio"
set autoscale
stats "ratio.dat" using 2 nooutput
set xrange [-0.6:STATS_records - 0.4]
set yrange [0:3]
set xtics rotate by -30
set bmargin 11
set rmargin 12
set boxwidth 0.4
unset key
set arrow from graph 0, first 1 to graph 1, first 1 nohead dashtype 2
plot "ratio.dat" using 0:3:5:6:4:xtic(1) with candlesticks linecolor rgb blue whiskerbars 0.5, \
     "" using 0:2:2:2:2 with candlesticks linecolor rgb "black" linewidth 2
