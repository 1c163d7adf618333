/** What an answer holds besides the widget it is wrapped in. @param {Answer} answer */
export function dataOf(answer) {
  const { value } = answer;
  return value?.data ?? value?.options?.user_data ?? value;
}
