/* SPDX-License-Identifier: MIT */
/* Extended attributes, which the archive cannot have; in init of images with such files alone. */

#ifdef UKL_ATTRIBUTES
/* Gives files all that /ukl/attributes names, or fails. */
void set_attributes(void);
#else
static inline void set_attributes(void)
{
}
#endif
