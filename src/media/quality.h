/* How good it sounds, by ITU-T G.107 (E-model). Pure. */
#pragma once

/**
 * Rating R of one direction.
 * @param delay_ms    mouth to ear
 * @param loss        share of packets never played, 0..1
 * @param burst       mean length of bursts of loss against random loss, 1 or more
 * @param impairment  Ie of the codec; robustness is its Bpl
 */
double quality_rating(double delay_ms, double loss, double burst, double impairment, double robustness);
/** 1 to 4.5 */
double quality_mos(double rating);
