using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>The end of the level.</summary>
    [RequireComponent(typeof(BoxCollider2D))]
    public sealed class Goal : MonoBehaviour
    {
        private void Reset()
        {
            GetComponent<BoxCollider2D>().isTrigger = true;
        }

        private void OnTriggerEnter2D(Collider2D other)
        {
            if (other.TryGetComponent(out PlayerController2D _)) GameManager.Current.Win();
        }
    }
}
